# SPDX-License-Identifier: Apache-2.0
"""S3-Rec in the ordinary way of PyTorch, as the authors' implementation has it: sequences padded on
the left to 50 slots, gradients by autograd."""
from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LENGTH = 50
LOSS_WEIGHTS = {"aap": 0.2, "mip": 1.0, "map": 1.0, "sp": 0.5}
ACTIVATIONS = {"gelu": F.gelu, "relu": F.relu, "swish": F.silu}


@dataclass
class Config:
    item_size: int
    attribute_size: int
    max_seq_length: int = LENGTH
    hidden_size: int = 64
    num_hidden_layers: int = 2
    num_attention_heads: int = 2
    hidden_act: str = "gelu"
    dropout: float = 0.5


class Attention(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        size = config.hidden_size
        self.heads = config.num_attention_heads
        self.query, self.key, self.value, self.dense = (nn.Linear(size, size) for _ in range(4))
        self.LayerNorm = nn.LayerNorm(size, eps=1e-12)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        query, key, value = (linear(x).view(*x.shape[:2], self.heads, -1).transpose(1, 2)
                             for linear in (self.query, self.key, self.value))
        logits = query @ key.transpose(2, 3) / math.sqrt(query.shape[-1]) + mask
        context = self.dropout(logits.softmax(-1)) @ value
        output = self.dense(context.transpose(1, 2).reshape(x.shape))
        return self.LayerNorm(x + self.dropout(output))


class FeedForward(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        size = config.hidden_size
        self.dense_1 = nn.Linear(size, 4 * size)
        self.dense_2 = nn.Linear(4 * size, size)
        self.LayerNorm = nn.LayerNorm(size, eps=1e-12)
        self.dropout = nn.Dropout(config.dropout)
        self.activation = ACTIVATIONS[config.hidden_act]

    def forward(self, x: Tensor) -> Tensor:
        output = self.dense_2(self.activation(self.dense_1(x)))
        return self.LayerNorm(x + self.dropout(output))


class S3Rec(nn.Module):
    """Its state_dict() has the names of the released checkpoints."""

    def __init__(self, config: Config):
        super().__init__()
        size = config.hidden_size
        self.config = config
        self.item_embeddings = nn.Embedding(config.item_size, size, padding_idx=0)
        self.attribute_embeddings = nn.Embedding(config.attribute_size, size)
        self.position_embeddings = nn.Embedding(config.max_seq_length, size)
        self.LayerNorm = nn.LayerNorm(size, eps=1e-12)
        self.dropout = nn.Dropout(config.dropout)
        self.item_encoder = nn.ModuleDict({"layer": nn.ModuleList(
            nn.ModuleDict({"attention": Attention(config), "intermediate": FeedForward(config)})
            for _ in range(config.num_hidden_layers))})
        self.aap_norm, self.mip_norm, self.map_norm, self.sp_norm = (
            nn.Linear(size, size) for _ in range(4))
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def encode(self, ids: Tensor, causal: bool) -> Tensor:
        """[B, L] ids to [B, L, H]"""
        hidden = (ids == 0)[:, None, None, :]
        if causal:
            length = ids.shape[1]
            hidden = hidden | torch.ones(length, length, dtype=torch.bool).triu(1)
        x = self.item_embeddings(ids) + self.position_embeddings.weight[-ids.shape[1]:]
        mask = hidden.to(x.dtype) * (-1e4 if causal else -1e8)
        x = self.dropout(self.LayerNorm(x))
        for layer in self.item_encoder["layer"]:
            x = layer["intermediate"](layer["attention"](x, mask))
        return x


def attribute_loss(model: S3Rec, x: Tensor, wanted: Tensor, where: Tensor) -> Tensor:
    """x [B, L, H] is projected already; wanted [B, L, A]; where [B, L]"""
    probability = torch.sigmoid(x @ model.attribute_embeddings.weight.T)
    loss = F.binary_cross_entropy(probability, wanted, reduction="none")
    return (loss * where[..., None]).sum()


def ranking_loss(x: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """Elementwise over all but the last dimension: the sigmoid of a difference of sigmoids."""
    gap = torch.sigmoid((x * positive).sum(-1)) - torch.sigmoid((x * negative).sum(-1))
    return -F.logsigmoid(gap)


def pretrain_losses(model: S3Rec, attributes: Tensor, masked_item_sequence: Tensor,
                    pos_items: Tensor, neg_items: Tensor, masked_segment_sequence: Tensor,
                    pos_segment: Tensor, neg_segment: Tensor) -> dict[str, Tensor]:
    x = model.encode(masked_item_sequence, causal=False)
    masked = (masked_item_sequence == model.config.item_size - 1).to(x.dtype)
    seen = (masked_item_sequence != 0).to(x.dtype) - masked
    items = model.item_embeddings
    context, good, bad = (model.encode(ids, causal=False)[:, -1]
                          for ids in (masked_segment_sequence, pos_segment, neg_segment))
    mip = ranking_loss(model.mip_norm(x), items(pos_items), items(neg_items))
    losses = {
        "aap": attribute_loss(model, model.aap_norm(x), attributes, seen),
        "mip": (mip * masked).sum(),
        "map": attribute_loss(model, model.map_norm(x), attributes, masked),
        "sp": ranking_loss(model.sp_norm(context), good, bad).sum(),
    }
    losses["joint"] = sum(weight * losses[name] for name, weight in LOSS_WEIGHTS.items())
    return losses


def bce_loss(model: S3Rec, input_ids: Tensor, target_pos: Tensor, target_neg: Tensor) -> Tensor:
    x = model.encode(input_ids, causal=True)
    good = torch.sigmoid((x * model.item_embeddings(target_pos)).sum(-1))
    bad = torch.sigmoid((x * model.item_embeddings(target_neg)).sum(-1))
    real = (target_pos != 0).to(x.dtype)
    loss = -torch.log(good + 1e-24) - torch.log(1 - bad + 1e-24)
    return (loss * real).sum() / real.sum()


def ce_loss(model: S3Rec, input_ids: Tensor, target_pos: Tensor, target_neg: Tensor) -> Tensor:
    """Over the real items; neither negatives nor the logits of padded slots are needed."""
    real = target_pos != 0
    x = model.encode(input_ids, causal=True)[real]
    return F.cross_entropy(x @ model.item_embeddings.weight[1:-1].T, target_pos[real] - 1)


def scores(model: S3Rec, ids: Tensor) -> Tensor:
    """[B, item_size] of the item after each sequence"""
    return model.encode(ids, causal=True)[:, -1] @ model.item_embeddings.weight.T


def pack_pretrain(model: S3Rec, attributes: Tensor, *rows: Tensor) -> tuple[Tensor, ...]:
    """The arguments of pretrain_losses. attributes [item_size, A]; rows as the samplers draw them"""
    return attributes[rows[1]], *rows


def pack_finetune(model: S3Rec, *rows: Tensor) -> tuple[Tensor, ...]:
    """The arguments of bce_loss and ce_loss."""
    return rows
