# SPDX-License-Identifier: Apache-2.0
"""The C interface as one table: structs with their fields, functions with their types.

A test compares it with the headers. Pointers are plain addresses (POINTER), so that an array's
address goes in without an object of ctypes being made for it.
"""
from __future__ import annotations

import ctypes
from typing import Any, Type, TypeVar

from s3rec import _library

POINTER = ctypes.c_void_p
TEXT = ctypes.c_char_p
SIZE = ctypes.c_size_t
ENUM = ctypes.c_int
INT = ctypes.c_int
I32 = ctypes.c_int32
I64 = ctypes.c_int64
U64 = ctypes.c_uint64
F64 = ctypes.c_double
STATUS = ctypes.c_int


class ContextOptions(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("log", POINTER), ("log_user_data", POINTER),
                ("allocate", POINTER), ("deallocate", POINTER), ("allocator_user_data", POINTER),
                ("thread_count", I32), ("kernel_level", ENUM), ("backend", ENUM)]


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
                ("sampler", POINTER), ("trainer", POINTER),
                ("hidden_dropout_prob", F64), ("attention_probs_dropout_prob", F64),
                ("own_schedule", I32)]


class RunProgress(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("event", ENUM), ("refit", I32), ("epoch", I32),
                ("epochs", I32), ("step", SIZE), ("steps", SIZE), ("loss", F64), ("aap", F64),
                ("mip", F64), ("map", F64), ("sp", F64), ("sequence_count", SIZE),
                ("target_count", SIZE), ("valid_value", F64), ("best_value", F64),
                ("best_epoch", I32)]


STRUCTS: dict[str, Type[ctypes.Structure]] = {
    "s3rec_context_options": ContextOptions,
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
}

P = POINTER
FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "s3rec_version": (TEXT, ()),
    "s3rec_abi_version": (INT, ()),
    "s3rec_build_info": (INT, (P, INT)),
    "s3rec_status_name": (TEXT, (STATUS,)),
    "s3rec_last_error": (TEXT, ()),
    # context
    "s3rec_context_options_init": (None, (P,)),
    "s3rec_context_create": (STATUS, (P, P)),
    "s3rec_context_destroy": (None, (P,)),
    "s3rec_context_kernel_level": (ENUM, (P,)),
    "s3rec_context_backend": (ENUM, (P,)),
    # vocabulary
    "s3rec_max_name_length": (SIZE, ()),
    "s3rec_vocabulary_create": (STATUS, (P, ENUM, I32, P, P, SIZE, P)),
    "s3rec_vocabulary_destroy": (None, (P,)),
    "s3rec_vocabulary_count": (SIZE, (P,)),
    "s3rec_vocabulary_first_id": (I32, (P,)),
    "s3rec_vocabulary_kind": (ENUM, (P,)),
    "s3rec_vocabulary_name": (STATUS, (P, I32, P, P)),
    "s3rec_vocabulary_text": (STATUS, (P, P, P)),
    "s3rec_vocabulary_find": (STATUS, (P, TEXT, SIZE, P)),
    "s3rec_vocabulary_find_many": (STATUS, (P, P, P, SIZE, P)),
    # dataset
    "s3rec_max_item_id": (I32, ()),
    "s3rec_dataset_load": (STATUS, (P, TEXT, TEXT, TEXT, P)),
    "s3rec_dataset_arrays_init": (None, (P,)),
    "s3rec_dataset_from_arrays": (STATUS, (P, P, P)),
    "s3rec_dataset_destroy": (None, (P,)),
    "s3rec_dataset_info_init": (None, (P,)),
    "s3rec_dataset_info_get": (STATUS, (P, P)),
    "s3rec_dataset_user_items": (STATUS, (P, SIZE, P, P)),
    "s3rec_dataset_item_attributes": (STATUS, (P, I32, P, P)),
    "s3rec_dataset_user_negatives": (STATUS, (P, SIZE, P, P)),
    "s3rec_dataset_item_names": (STATUS, (P, P)),
    "s3rec_dataset_user_names": (STATUS, (P, P)),
    "s3rec_dataset_attribute_names": (STATUS, (P, P)),
    # events
    "s3rec_events_create": (STATUS, (P, P)),
    "s3rec_events_destroy": (None, (P,)),
    "s3rec_table_options_init": (None, (P,)),
    "s3rec_table_report_init": (None, (P,)),
    "s3rec_events_read": (STATUS, (P, TEXT, P, P)),
    "s3rec_events_read_attributes": (STATUS, (P, TEXT, P, P)),
    "s3rec_events_append": (STATUS, (P, SIZE, P, P, P, P)),
    "s3rec_events_append_attributes": (STATUS, (P, SIZE, P, P)),
    "s3rec_events_options_init": (None, (P,)),
    "s3rec_events_report_init": (None, (P,)),
    "s3rec_events_dataset": (STATUS, (P, P, P, P)),
    # sampler, batch
    "s3rec_sampler_options_init": (None, (P, ENUM)),
    "s3rec_sampler_create": (STATUS, (P, P, P)),
    "s3rec_sampler_destroy": (None, (P,)),
    "s3rec_sampler_epoch_size": (STATUS, (P, P, P)),
    "s3rec_sampler_next": (STATUS, (P, P)),
    "s3rec_sampler_position": (STATUS, (P, P, P)),
    "s3rec_sampler_seek": (STATUS, (P, U64, SIZE)),
    "s3rec_batch_create": (STATUS, (P, P)),
    "s3rec_batch_destroy": (None, (P,)),
    "s3rec_pretrain_arrays_init": (None, (P,)),
    "s3rec_batch_set_pretrain": (STATUS, (P, P)),
    "s3rec_batch_set_finetune": (STATUS, (P, I32, I32, P, P, P)),
    "s3rec_batch_info_init": (None, (P,)),
    "s3rec_batch_info_get": (STATUS, (P, P)),
    "s3rec_batch_read": (STATUS, (P, TEXT, P, SIZE)),
    # model
    "s3rec_model_config_init": (None, (P,)),
    "s3rec_model_create": (STATUS, (P, P, U64, P)),
    "s3rec_model_load": (STATUS, (P, TEXT, P, P)),
    "s3rec_model_map": (STATUS, (P, TEXT, P, P)),
    "s3rec_model_save": (STATUS, (P, TEXT)),
    "s3rec_model_clone": (STATUS, (P, P)),
    "s3rec_model_set_dropouts": (STATUS, (P, F64, F64)),
    "s3rec_model_copy_weights": (STATUS, (P, P)),
    "s3rec_model_memory": (SIZE, (P,)),
    "s3rec_model_destroy": (None, (P,)),
    "s3rec_model_config_get": (STATUS, (P, P)),
    "s3rec_parameter_info_init": (None, (P,)),
    "s3rec_model_parameter_count": (SIZE, (P,)),
    "s3rec_model_parameter_info": (STATUS, (P, SIZE, P)),
    "s3rec_model_parameter_read": (STATUS, (P, TEXT, P, SIZE)),
    "s3rec_model_parameter_write": (STATUS, (P, TEXT, P, SIZE)),
    "s3rec_model_set_names": (STATUS, (P, P, P)),
    "s3rec_model_item_names": (STATUS, (P, P)),
    "s3rec_model_attribute_names": (STATUS, (P, P)),
    # trainer
    "s3rec_trainer_options_init": (None, (P,)),
    "s3rec_trainer_create": (STATUS, (P, P, P)),
    "s3rec_trainer_destroy": (None, (P,)),
    "s3rec_losses_init": (None, (P,)),
    "s3rec_pretrain_step": (STATUS, (P, P, P)),
    "s3rec_finetune_step": (STATUS, (P, P, P)),
    "s3rec_trainer_compute_gradients": (STATUS, (P, P, P)),
    "s3rec_trainer_gradient_read": (STATUS, (P, TEXT, P, SIZE)),
    "s3rec_trainer_gradient_write": (STATUS, (P, TEXT, P, SIZE)),
    "s3rec_trainer_apply_gradients": (STATUS, (P,)),
    "s3rec_trainer_step_count": (U64, (P,)),
    "s3rec_trainer_save": (STATUS, (P, P, TEXT, TEXT)),
    "s3rec_trainer_load": (STATUS, (P, P, TEXT)),
    "s3rec_trainer_note": (TEXT, (P,)),
    "s3rec_trainer_memory": (SIZE, (P,)),
    # recipe, run
    "s3rec_recipe_plan_init": (None, (P,)),
    "s3rec_recipe_plan_get": (STATUS, (ENUM, ENUM, P)),
    "s3rec_recipe_sampler": (STATUS, (ENUM, P)),
    "s3rec_recipe_trainer": (STATUS, (ENUM, ENUM, SIZE, P)),
    "s3rec_run_options_init": (None, (P, ENUM)),
    "s3rec_run_create": (STATUS, (P, P, P, P)),
    "s3rec_run_destroy": (None, (P,)),
    "s3rec_run_progress_init": (None, (P,)),
    "s3rec_run_step": (STATUS, (P, P)),
    "s3rec_run_valid_metrics": (STATUS, (P, P)),
    "s3rec_run_save": (STATUS, (P, TEXT)),
    "s3rec_run_load": (STATUS, (P, TEXT)),
    # scorer
    "s3rec_scorer_options_init": (None, (P,)),
    "s3rec_scorer_create": (STATUS, (P, P)),
    "s3rec_scorer_create_with": (STATUS, (P, P, P)),
    "s3rec_scorer_destroy": (None, (P,)),
    "s3rec_score_options_init": (None, (P,)),
    "s3rec_score_next": (STATUS, (P, P, SIZE, P, SIZE, P, P, P)),
    "s3rec_score_next_batch": (STATUS, (P, P, P, SIZE, P, SIZE, P, P, P)),
    "s3rec_score_all": (STATUS, (P, P, SIZE, P, SIZE)),
    "s3rec_user_vector": (STATUS, (P, P, SIZE, P, SIZE)),
    "s3rec_encode": (STATUS, (P, ENUM, P, SIZE, SIZE, P)),
    "s3rec_scorer_memory": (SIZE, (P,)),
    # evaluation
    "s3rec_rank_excluded": (I64, ()),
    "s3rec_evaluate_options_init": (None, (P,)),
    "s3rec_metrics_init": (None, (P,)),
    "s3rec_evaluate": (STATUS, (P, P, P, P, P)),
}

library = _library.load()


def _bind() -> None:
    for name, (result, arguments) in FUNCTIONS.items():
        try:
            function = getattr(library, name)
        except AttributeError as error:
            raise ImportError(f"s3rec: the library has no {name}: it is older than this "
                              f"package") from error
        function.restype = result
        function.argtypes = arguments


_bind()

_NAMES = {struct: name for name, struct in STRUCTS.items()}
S = TypeVar("S", bound=ctypes.Structure)


def new(struct: Type[S], *stage: int) -> S:
    """A struct that its init function has filled in; `stage` for those that have defaults by it."""
    made = struct()
    getattr(library, f"{_NAMES[struct]}_init")(ctypes.byref(made), *stage)
    return made
