# SPDX-License-Identifier: Apache-2.0
"""The structs of the C interface; tests/test_abi.py compares them with the headers."""
from __future__ import annotations

import ctypes
from typing import Type

POINTER = ctypes.c_void_p
TEXT = ctypes.c_char_p
SIZE = ctypes.c_size_t
ENUM = ctypes.c_int
I32 = ctypes.c_int32
I64 = ctypes.c_int64
U64 = ctypes.c_uint64
F64 = ctypes.c_double

class ANSWER(ctypes.c_void_p):
    """The kinds of handles: a function takes only its own."""


class BATCH(ctypes.c_void_p):
    pass


class CONTEXT(ctypes.c_void_p):
    pass


class DATASET(ctypes.c_void_p):
    pass


class EVENTS(ctypes.c_void_p):
    pass


class FILTER(ctypes.c_void_p):
    pass


class MODEL(ctypes.c_void_p):
    pass


class RECOMMENDER(ctypes.c_void_p):
    pass


class RUN(ctypes.c_void_p):
    pass


class SAMPLER(ctypes.c_void_p):
    pass


class SCORER(ctypes.c_void_p):
    pass


class TRAINER(ctypes.c_void_p):
    pass


class VOCABULARY(ctypes.c_void_p):
    pass


class ContextOptions(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("log", POINTER), ("log_user_data", POINTER),
                ("allocate", POINTER), ("deallocate", POINTER), ("allocator_user_data", POINTER),
                ("thread_count", I32), ("kernel_level", ENUM), ("backend", ENUM),
                ("limits", POINTER)]


class Limits(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("file_bytes", U64), ("row_bytes", U64), ("rows", U64),
                ("items", U64), ("tensors", U64), ("header_bytes", U64), ("json_depth", I32),
                ("expansion", I32), ("id_spread", I32)]


class DatasetArrays(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("user_count", SIZE), ("item_offsets", POINTER),
                ("items", POINTER), ("attributed_item_count", SIZE),
                ("attributed_items", POINTER), ("attribute_offsets", POINTER),
                ("attributes", POINTER), ("negatives_per_user", I32), ("negatives", POINTER)]


class DatasetInfo(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("user_count", SIZE), ("interaction_count", SIZE),
                ("item_size", I32), ("attribute_size", I32), ("negatives_per_user", I32),
                ("short_user_count", SIZE), ("fingerprint", U64)]


class IdArray(ctypes.Structure):
    _fields_ = [("integers", POINTER), ("text", POINTER), ("offsets", POINTER)]


class TableOptions(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("format", ENUM), ("header", ENUM), ("delimiter", TEXT),
                ("user_column", TEXT), ("item_column", TEXT), ("timestamp_column", TEXT),
                ("value_column", TEXT), ("attribute_columns", TEXT),
                ("attribute_separator", TEXT), ("bad_row_limit", SIZE)]


class TableReport(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("row_count", SIZE), ("bad_row_count", SIZE),
                ("first_bad_line", U64)]


class EventsOptions(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("min_value", F64), ("repeats", ENUM),
                ("min_user_events", I32), ("min_item_events", I32), ("max_length", I32),
                ("min_length", I32), ("item_names", POINTER), ("attribute_names", POINTER)]


class EventsReport(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("event_count", SIZE), ("low_value_count", SIZE),
                ("repeat_count", SIZE), ("unknown_count", SIZE), ("core_count", SIZE),
                ("cut_count", SIZE), ("short_count", SIZE), ("kept_count", SIZE),
                ("attributed_item_count", SIZE)]


class SamplerOptions(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("stage", ENUM), ("batch_size", I32),
                ("max_seq_length", I32), ("mask_p", F64), ("seed", U64), ("shuffle", I32),
                ("reference_draws", I32), ("held_out_count", I32)]


class PretrainArrays(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("batch_size", I32), ("max_seq_length", I32),
                ("attribute_size", I32), ("mask_id", I32), ("attributes", POINTER),
                ("masked_item_sequence", POINTER), ("pos_items", POINTER),
                ("neg_items", POINTER), ("masked_segment_sequence", POINTER),
                ("pos_segment", POINTER), ("neg_segment", POINTER)]


class BatchInfo(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("stage", ENUM), ("batch_size", I32),
                ("max_seq_length", I32), ("token_count", SIZE), ("target_count", SIZE)]


class ModelConfig(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("item_size", I32), ("attribute_size", I32),
                ("max_seq_length", I32), ("hidden_size", I32), ("num_hidden_layers", I32),
                ("num_attention_heads", I32), ("hidden_act", ENUM),
                ("hidden_dropout_prob", F64), ("attention_probs_dropout_prob", F64),
                ("initializer_range", F64)]


class ParameterInfo(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("name", TEXT), ("rank", I32), ("shape", I64 * 2),
                ("element_count", SIZE)]


class TrainerOptions(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("learning_rate", F64), ("adam_beta1", F64),
                ("adam_beta2", F64), ("adam_epsilon", F64), ("weight_decay", F64),
                ("max_gradient_norm", F64), ("aap_weight", F64), ("mip_weight", F64),
                ("map_weight", F64), ("sp_weight", F64), ("finetune_loss", ENUM), ("seed", U64),
                ("shard_count", I32), ("warmup_steps", U64), ("decay_steps", U64),
                ("label_smoothing", F64), ("decoupled_weight_decay", F64),
                ("negative_count", I32)]


class Losses(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("total", F64), ("aap", F64), ("mip", F64), ("map", F64),
                ("sp", F64), ("next_item", F64), ("gradient_norm", F64),
                ("sequence_count", SIZE), ("token_count", SIZE), ("target_count", SIZE)]


class RecipePlan(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("epochs", I32), ("patience", I32), ("refit", I32),
                ("reserved", I32), ("hidden_dropout_prob", F64),
                ("attention_probs_dropout_prob", F64)]


class ScorerOptions(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("scan", ENUM)]


class ScoreOptions(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("include_history", I32), ("excluded", POINTER),
                ("excluded_count", SIZE), ("candidates", POINTER), ("candidate_count", SIZE)]


class EvaluateOptions(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("split", ENUM), ("protocol", ENUM), ("seen", ENUM)]


class Metrics(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("split", ENUM), ("protocol", ENUM), ("seen", ENUM),
                ("user_count", SIZE), ("skipped_count", SIZE), ("hit_rate", F64 * 4),
                ("ndcg", F64 * 3), ("mrr", F64)]


class RunOptions(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("recipe", ENUM), ("stage", ENUM), ("seed", U64),
                ("epochs", I32), ("patience", I32), ("held_out_count", I32), ("protocol", ENUM),
                ("sampler", POINTER), ("trainer", POINTER), ("hidden_dropout_prob", F64),
                ("attention_probs_dropout_prob", F64), ("own_schedule", I32), ("metric", ENUM),
                ("seen", ENUM), ("schedule", ENUM), ("warmup_epochs", F64), ("time_budget", F64)]


class RunProgress(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("event", ENUM), ("refit", I32), ("epoch", I32),
                ("epochs", I32), ("step", SIZE), ("steps", SIZE), ("loss", F64), ("aap", F64),
                ("mip", F64), ("map", F64), ("sp", F64), ("sequence_count", SIZE),
                ("target_count", SIZE), ("valid_value", F64), ("best_value", F64),
                ("best_epoch", I32), ("last", I32), ("token_count", SIZE),
                ("selection_epochs", I32)]


class RecommenderOptions(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("context", POINTER), ("copy", I32), ("scan", ENUM)]


class FilterOptions(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("allow_only", I32), ("allowed", POINTER),
                ("allowed_count", SIZE), ("allowed_names", POINTER), ("allowed_name_count", SIZE),
                ("denied", POINTER), ("denied_count", SIZE), ("denied_names", POINTER),
                ("denied_name_count", SIZE)]


class Request(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("user_count", SIZE), ("offsets", POINTER),
                ("items", POINTER), ("names", POINTER), ("item_count", SIZE), ("k", SIZE),
                ("filter", POINTER), ("filters", POINTER), ("include_history", I32)]


class RankedItems(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("source", ENUM), ("count", SIZE), ("ids", POINTER),
                ("scores", POINTER), ("names", POINTER), ("unknown_count", SIZE),
                ("model_number", U64)]


class ExchangeOptions(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("least_known_share", F64), ("dataset", POINTER),
                ("least_ndcg10", F64), ("largest_loss", F64)]


class RecommenderStatistics(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("model_number", U64), ("call_count", U64),
                ("failed_call_count", U64), ("user_count", U64), ("popular_count", U64),
                ("empty_count", U64), ("unknown_item_count", U64),
                ("refused_exchange_count", U64), ("scorer_count", U64), ("memory", U64),
                ("latency", U64 * 32)]


class RunEstimate(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("step_count", U64), ("sequence_count", U64)]


class RunState(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("options", POINTER), ("progress", POINTER),
                ("note", TEXT), ("model_fingerprint", U64)]


class TrainOptions(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("context", POINTER), ("dataset", POINTER),
                ("events_path", TEXT), ("item_table_path", TEXT), ("sequences_path", TEXT),
                ("attributes_path", TEXT), ("start_path", TEXT), ("recipe", ENUM), ("seed", U64),
                ("pretrain_epochs", I32), ("finetune_epochs", I32), ("time_budget", F64),
                ("progress", POINTER), ("user_data", POINTER)]


STRUCTS: dict[str, Type[ctypes.Structure]] = {
    "s3rec_context_options": ContextOptions,
    "s3rec_limits": Limits,
    "s3rec_dataset_arrays": DatasetArrays,
    "s3rec_dataset_info": DatasetInfo,
    "s3rec_id_array": IdArray,
    "s3rec_table_options": TableOptions,
    "s3rec_table_report": TableReport,
    "s3rec_events_options": EventsOptions,
    "s3rec_events_report": EventsReport,
    "s3rec_sampler_options": SamplerOptions,
    "s3rec_pretrain_arrays": PretrainArrays,
    "s3rec_batch_info": BatchInfo,
    "s3rec_model_config": ModelConfig,
    "s3rec_parameter_info": ParameterInfo,
    "s3rec_trainer_options": TrainerOptions,
    "s3rec_losses": Losses,
    "s3rec_recipe_plan": RecipePlan,
    "s3rec_scorer_options": ScorerOptions,
    "s3rec_score_options": ScoreOptions,
    "s3rec_evaluate_options": EvaluateOptions,
    "s3rec_metrics": Metrics,
    "s3rec_run_options": RunOptions,
    "s3rec_run_progress": RunProgress,
    "s3rec_recommender_options": RecommenderOptions,
    "s3rec_filter_options": FilterOptions,
    "s3rec_request": Request,
    "s3rec_ranked_items": RankedItems,
    "s3rec_exchange_options": ExchangeOptions,
    "s3rec_recommender_statistics": RecommenderStatistics,
    "s3rec_run_estimate": RunEstimate,
    "s3rec_run_state": RunState,
    "s3rec_train_options": TrainOptions,
}
