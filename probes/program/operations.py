"""The operations that a loss program may consist of, by exact overload: all are pure functions.

Left out on purpose: whatever writes to its arguments, reads files, gives a tensor's numbers to
Python (item), hands out memory uninitialised (empty) or re-reads memory (as_strided, set_).
A torch that lacks some of them reads all programs but those that hold one of these.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import cache
from typing import Any

import torch

_ATEN = """
_to_copy.default abs.default acos.default acosh.default add.Scalar add.Tensor addcdiv.default
addcmul.default adjoint.default alias.default all.default all.dim alpha_dropout.default
amax.default amin.default any.default any.dim arange.default arange.start arange.start_step
argmax.default argmin.default argsort.default asin.default asinh.default atan.default
atan2.default atanh.default bernoulli.default bernoulli.p bitwise_and.Scalar bitwise_and.Tensor
bitwise_not.default bitwise_or.Scalar bitwise_or.Tensor bitwise_xor.Scalar bitwise_xor.Tensor
broadcast_tensors.default broadcast_to.default bucketize.Tensor cat.default ceil.default
chunk.default clamp.Tensor clamp.default clamp_max.Tensor clamp_max.default clamp_min.Tensor
clamp_min.default clone.default column_stack.default concat.default constant_pad_nd.default
contiguous.default copy.default cos.default cosh.default cross.default cummax.default
cumprod.default cumsum.default detach.default diag_embed.default diagonal.default diff.default
div.Scalar div.Scalar_mode div.Tensor div.Tensor_mode dropout.default dstack.default eq.Scalar
eq.Tensor erf.default erfc.default erfinv.default exp.default exp2.default expand.default
expand_as.default expm1.default eye.default eye.m feature_alpha_dropout.default
feature_dropout.default fill.Scalar fill.Tensor flatten.using_ints flip.default floor.default
floor_divide.default fmod.Scalar fmod.Tensor frac.default full.default full_like.default
gather.default ge.Scalar ge.Tensor gt.Scalar gt.Tensor hstack.default hypot.default imag.default
index.Tensor index_add.default index_copy.default index_put.default index_select.default
isfinite.default isinf.default isnan.default kthvalue.default le.Scalar le.Tensor lerp.Scalar
lerp.Tensor lgamma.default linalg_norm.default linalg_vector_norm.default linspace.default
log.default log10.default log1p.default log2.default logaddexp.default logcumsumexp.default
logical_and.default logical_not.default logical_or.default logical_xor.default logit.default
logsumexp.default lt.Scalar lt.Tensor mT.default masked_fill.Scalar masked_fill.Tensor
masked_scatter.default matrix_H.default max.default max.dim max.other maximum.default mean.default
mean.dim median.default meshgrid.indexing min.default min.dim min.other minimum.default
moveaxis.int movedim.int movedim.intlist mul.Scalar mul.Tensor multiply.Tensor narrow.default
ne.Scalar ne.Tensor neg.default new_full.default new_ones.default new_zeros.default
nonzero.default norm.Scalar norm.ScalarOpt_dim numpy_T.default one_hot.default ones.default
ones_like.default outer.default pad.default permute.default polar.default pow.Scalar
pow.Tensor_Scalar pow.Tensor_Tensor prod.default prod.dim_int rand.default rand_like.default
randn.default randn_like.default ravel.default real.default reciprocal.default remainder.Scalar
remainder.Tensor repeat.default repeat_interleave.self_Tensor repeat_interleave.self_int
reshape.default roll.default rot90.default round.default rsqrt.default rsub.Scalar rsub.Tensor
scalar_tensor.default scatter.src scatter.value scatter_add.default scatter_reduce.two select.int
select_scatter.default sgn.default sigmoid.default sign.default sin.default sinc.default
sinh.default slice.Tensor slice_scatter.default sort.default sort.stable split.Tensor split.sizes
split_with_sizes.default sqrt.default square.default squeeze.default squeeze.dim squeeze.dims
stack.default std.correction std.default std.dim sub.Scalar sub.Tensor sum.default sum.dim_IntList
swapaxes.default sym_size.int t.default take_along_dim.default tan.default tanh.default
tensor_split.sections tile.default to.dtype to.dtype_layout topk.default trace.default
transpose.int tril.default triu.default trunc.default type_as.default unbind.int unflatten.int
unfold.default unsqueeze.default var.correction var.default var.dim view.default view.dtype
view_as.default view_as_complex.default view_as_real.default vstack.default where.Scalar
where.ScalarOther where.ScalarSelf where.self xlogy.Tensor zeros.default zeros_like.default

addbmm.default addmm.default addmv.default baddbmm.default bilinear.default bmm.default
cdist.default chain_matmul.default conv1d.default conv1d.padding conv2d.default conv2d.padding
conv3d.default conv3d.padding conv_transpose1d.default conv_transpose2d.input
conv_transpose3d.input convolution.default cosine_similarity.default dot.default einsum.default
kron.default linear.default matmul.default mm.default mv.default pairwise_distance.default
tensordot.default vdot.default

celu.default elu.default gelu.default glu.default hardshrink.default hardsigmoid.default
hardswish.default hardtanh.default leaky_relu.default log_sigmoid.default log_softmax.int
mish.default prelu.default relu.default relu6.default rrelu.default selu.default silu.default
softmax.int softplus.default softshrink.default threshold.default _log_softmax.default
_softmax.default

batch_norm.default group_norm.default instance_norm.default layer_norm.default rms_norm.default
_fused_rms_norm.default _weight_norm.default

adaptive_avg_pool1d.default adaptive_avg_pool2d.default adaptive_avg_pool3d.default
adaptive_max_pool1d.default adaptive_max_pool2d.default avg_pool1d.default avg_pool2d.default
avg_pool3d.default channel_shuffle.default col2im.default im2col.default grid_sampler.default
max_pool1d.default max_pool2d.default max_pool2d_with_indices.default max_pool3d.default
pixel_shuffle.default pixel_unshuffle.default reflection_pad1d.default reflection_pad2d.default
replication_pad1d.default replication_pad2d.default upsample_bicubic2d.vec upsample_bilinear2d.vec
upsample_linear1d.vec upsample_nearest1d.vec upsample_nearest2d.vec upsample_trilinear3d.vec
affine_grid_generator.default

fft_fft.default fft_fft2.default fft_ifft.default fft_ifft2.default fft_irfft.default
fft_irfft2.default fft_rfft.default fft_rfft2.default linalg_cholesky.default linalg_det.default
linalg_eigvalsh.default linalg_inv.default linalg_matrix_norm.default linalg_slogdet.default
linalg_solve.default linalg_svdvals.default logdet.default

embedding.default embedding_bag.padding_idx gru.input lstm.input rnn_relu.input rnn_tanh.input
gru_cell.default lstm_cell.default rnn_relu_cell.default rnn_tanh_cell.default
scaled_dot_product_attention.default

binary_cross_entropy.default binary_cross_entropy_with_logits.default
cosine_embedding_loss.default cross_entropy_loss.default ctc_loss.IntList ctc_loss.Tensor
hinge_embedding_loss.default huber_loss.default kl_div.default l1_loss.default
margin_ranking_loss.default mse_loss.default multi_margin_loss.default
multilabel_margin_loss.default nll_loss.default nll_loss2d.default nll_loss_nd.default
poisson_nll_loss.default smooth_l1_loss.default soft_margin_loss.default
triplet_margin_loss.default
"""

ATEN = frozenset(_ATEN.split())

LARGEST_SIZE = 1 << 62  # torch counts elements in 64 bits


def _within(number: Any) -> Any:
    if abs(number) > LARGEST_SIZE:
        raise OverflowError(f"a size of {number:.3g}")
    return number


SIZES: dict[str, Callable[..., Any]] = {  # on sizes, never on tensors
    "size.add": lambda a, b: _within(a + b),
    "size.sub": lambda a, b: _within(a - b),
    "size.mul": lambda a, b: _within(a * b),
    "size.neg": operator.neg,
    "size.floordiv": operator.floordiv,
    "size.truediv": operator.truediv,
    "size.mod": operator.mod,
    "size.max": max,
    "size.min": min,
    "size.int": int,
    "size.float": float,
    "size.sqrt": lambda a: a**0.5,
}
GETITEM = "getitem"

FROM_PYTHON: dict[Any, str] = {  # what torch.export writes for them
    operator.add: "size.add",
    operator.sub: "size.sub",
    operator.mul: "size.mul",
    operator.neg: "size.neg",
    operator.floordiv: "size.floordiv",
    operator.truediv: "size.truediv",
    operator.mod: "size.mod",
    operator.getitem: GETITEM,
    torch.sym_max: "size.max",
    torch.sym_min: "size.min",
    torch.sym_int: "size.int",
    torch.sym_float: "size.float",
    getattr(torch, "_sym_sqrt", None): "size.sqrt",
}
ARITY = {"size.neg": 1, "size.int": 1, "size.float": 1, "size.sqrt": 1, GETITEM: 2}


def listed(name: str) -> bool:
    """May a program hold it?"""
    return name in ATEN or name in SIZES or name == GETITEM


def known(name: str) -> bool:
    """May it, and does this torch have it?"""
    return listed(name) and (name not in ATEN or _found(name) is not None)


def overload(name: str) -> torch._ops.OpOverload:
    """Only ever asked for names that are known."""
    found = _found(name)
    assert found is not None, name
    return found


@cache
def _found(name: str) -> torch._ops.OpOverload | None:
    assert name in ATEN
    packet, _, variant = name.partition(".")
    found = getattr(getattr(torch.ops.aten, packet, None), variant, None)
    return found if isinstance(found, torch._ops.OpOverload) else None


def missing() -> list[str]:
    """Names of the list that this torch does not have."""
    return sorted(name for name in ATEN if _found(name) is None)
