# SPDX-License-Identifier: Apache-2.0
"""The model of model.py made as fast as its model gets in plain PyTorch.

Weights, losses, dropout and samplers are the same; work without effect is left out. Linear layers,
norms and losses see real tokens only. For attention the sequences are sorted by length and padded
in eight groups. The four sequences of an instance are encoded at once, query, key and value are
one product, attention is scaled_dot_product_attention, Adam is fused. What depends on values is
made by pack_*, so that the rest can be given to torch.compile. In scoring, where every operation
costs more than its data, only the padding is cut.
"""
from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .model import LOSS_WEIGHTS, Attention, S3Rec, ranking_loss
from .model import scores as padded_scores

GROUPS = 8


@dataclass
class Group:
    """Sequences of like length. Tokens [T'] are numbers of real tokens of the batch, places [T']
    theirs in [B', n']; mask [B', 1, 1 or n', n'] is added to the logits."""
    tokens: Tensor
    places: Tensor
    mask: Tensor


@dataclass
class Packed:
    """Real tokens only, T of them: their items, slots [T], the last of each sequence [B]."""
    items: Tensor
    slots: Tensor
    last: Tensor
    groups: list[Group]
    order: Tensor  # [T] place of a token after the groups are joined


def pack(ids: Tensor, causal: bool) -> Packed:
    """ids [B, L]"""
    real = ids != 0
    lengths = real.sum(1)
    numbers = real.flatten().cumsum(0).view_as(ids) - 1
    groups = []
    for rows in lengths.argsort().chunk(GROUPS if int(lengths.max() - lengths.min()) else 1):
        longest = max(1, int(lengths[rows].max()))
        used = real[rows, -longest:]
        hidden = ~used[:, None, None, :]
        if causal:
            hidden = hidden | torch.ones(longest, longest, dtype=torch.bool).triu(1)
        groups.append(Group(numbers[rows, -longest:][used], used.flatten().nonzero().squeeze(1),
                            hidden * (-1e4 if causal else -1e8)))
    return Packed(ids[real], real.nonzero()[:, 1] - ids.shape[1], lengths.cumsum(0) - 1, groups,
                  torch.cat([group.tokens for group in groups]).argsort())


def attend(attention: Attention, x: Tensor, packed: Packed) -> Tensor:
    """x [T, H]"""
    linears, size = (attention.query, attention.key, attention.value), x.shape[-1]
    weight, bias = (torch.cat([getattr(linear, name) for linear in linears])
                    for name in ("weight", "bias"))
    projected, contexts = F.linear(x, weight, bias), []
    for group in packed.groups:
        batch, length = group.mask.shape[0], group.mask.shape[-1]
        padded = x.new_zeros(batch * length, 3 * size).index_copy(
            0, group.places, projected[group.tokens])
        query, key, value = padded.view(batch, length, 3, attention.heads, -1).permute(
            2, 0, 3, 1, 4).unbind()
        context = F.scaled_dot_product_attention(
            query, key, value, group.mask.to(x.dtype),
            dropout_p=attention.dropout.p if attention.training else 0.0)
        contexts.append(context.transpose(1, 2).reshape(-1, size)[group.places])
    output = attention.dense(torch.cat(contexts)[packed.order])
    return attention.LayerNorm(x + attention.dropout(output))


def encode(model: S3Rec, packed: Packed) -> Tensor:
    """[T, H]"""
    x = model.item_embeddings(packed.items) + model.position_embeddings.weight[packed.slots]
    x = model.dropout(model.LayerNorm(x))
    for layer in model.item_encoder["layer"]:
        x = layer["intermediate"](attend(layer["attention"], x, packed))
    return x


def attribute_loss(model: S3Rec, x: Tensor, wanted: Tensor) -> Tensor:
    """x [T, H] is projected already; wanted [T, A]"""
    logits = x @ model.attribute_embeddings.weight.T
    return F.binary_cross_entropy_with_logits(logits, wanted, reduction="sum")


def pack_pretrain(model: S3Rec, attributes: Tensor, masked_item_sequence: Tensor,
                  pos_items: Tensor, neg_items: Tensor, *segments: Tensor) -> tuple:
    """What pretrain_losses takes. attributes: of each item, or of each slot [B, L, A]"""
    real = pos_items != 0
    masked = masked_item_sequence[real] == model.config.item_size - 1
    items = pos_items[real]
    wanted = attributes[items] if attributes.dim() == 2 else attributes[real]
    return (pack(torch.cat([masked_item_sequence, *segments]), causal=False),
            masked.nonzero().squeeze(1), (~masked).nonzero().squeeze(1), items[masked],
            neg_items[real][masked], wanted[masked], wanted[~masked])


def pretrain_losses(model: S3Rec, packed: Packed, masked: Tensor, seen: Tensor, positive: Tensor,
                    negative: Tensor, masked_attributes: Tensor,
                    seen_attributes: Tensor) -> dict[str, Tensor]:
    """masked and seen: tokens of the first quarter of the sequences."""
    x = encode(model, packed)
    _, context, good, bad = x[packed.last].chunk(4)
    items, at_masked = model.item_embeddings, x[masked]
    losses = {
        "aap": attribute_loss(model, model.aap_norm(x[seen]), seen_attributes),
        "mip": ranking_loss(model.mip_norm(at_masked), items(positive), items(negative)).sum(),
        "map": attribute_loss(model, model.map_norm(at_masked), masked_attributes),
        "sp": ranking_loss(model.sp_norm(context), good, bad).sum(),
    }
    losses["joint"] = sum(weight * losses[name] for name, weight in LOSS_WEIGHTS.items())
    return losses


def pack_finetune(model: S3Rec, input_ids: Tensor, target_pos: Tensor, target_neg: Tensor) -> tuple:
    """What bce_loss and ce_loss take."""
    real = target_pos != 0
    return pack(input_ids, causal=True), target_pos[real], target_neg[real]


def bce_loss(model: S3Rec, packed: Packed, positive: Tensor, negative: Tensor) -> Tensor:
    x = encode(model, packed)
    good = torch.sigmoid((x * model.item_embeddings(positive)).sum(-1))
    bad = torch.sigmoid((x * model.item_embeddings(negative)).sum(-1))
    return -(torch.log(good + 1e-24) + torch.log(1 - bad + 1e-24)).mean()


def ce_loss(model: S3Rec, packed: Packed, positive: Tensor, negative: Tensor) -> Tensor:
    x = encode(model, packed)
    return F.cross_entropy(x @ model.item_embeddings.weight[1:-1].T, positive - 1)


def scores(model: S3Rec, ids: Tensor) -> Tensor:
    """[B, item_size] of the item after each sequence; padded to the longest only."""
    return padded_scores(model, ids[:, int((ids == 0).all(0).sum()):])
