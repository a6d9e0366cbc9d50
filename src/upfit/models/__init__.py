"""Pretrained weights become models: backbones with ordered layer groups, pooled features and a fresh head."""

from upfit.models.backbone import Backbone
from upfit.models.catalogue import load_backbone
from upfit.models.groups import LayerGroup, find_groups
from upfit.models.network import Head, Network

__all__ = ["Backbone", "Head", "LayerGroup", "Network", "find_groups", "load_backbone"]
