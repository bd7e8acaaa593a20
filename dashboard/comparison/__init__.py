"""The drawings and tables of several runs beside one another."""
