// A server that asks for the token anew, as after its restart, is shown so: the page is its form.
"use strict";
(() => {
  const fetched = window.fetch;
  window.fetch = async (...asked) => {
    const answer = await fetched(...asked);
    if (answer.status === 401) location.reload();
    return answer;
  };
})();
