# SPDX-License-Identifier: Apache-2.0
"""The functions of the C interface with their types, as one table (the structs: _structs.py).

A test compares it with the headers. Pointers are plain addresses (POINTER), so that an array's
address goes in without an object of ctypes being made for it.
"""
from __future__ import annotations

import ctypes
from typing import Any, Type, TypeVar

from s3rec import _library
from s3rec._structs import ENUM, F64, I32, I64, POINTER, SIZE, STRUCTS, TEXT, U64

INT = ctypes.c_int
STATUS = ctypes.c_int

P = POINTER
FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "s3rec_version": (TEXT, ()),
    "s3rec_abi_version": (INT, ()),
    "s3rec_build_info": (INT, (P, INT)),
    "s3rec_status_name": (TEXT, (STATUS,)),
    "s3rec_last_error": (TEXT, ()),
    # context
    "s3rec_context_options_init": (None, (P,)),
    "s3rec_limits_init": (None, (P,)),
    "s3rec_limits_init_strict": (None, (P,)),
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
    "s3rec_model_create_for": (STATUS, (P, P, U64, P)),
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
    "s3rec_model_set_popularity": (STATUS, (P, P, SIZE)),
    "s3rec_model_count_popularity": (STATUS, (P, P, I32)),
    "s3rec_model_popularity": (STATUS, (P, P, SIZE)),
    "s3rec_model_fingerprint": (U64, (P,)),
    "s3rec_model_file_metadata": (STATUS, (P, TEXT, P, P)),
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
    "s3rec_run_progress_get": (STATUS, (P, P)),
    "s3rec_run_finish": (STATUS, (P, P)),
    "s3rec_run_estimate_init": (None, (P,)),
    "s3rec_run_ahead": (STATUS, (P, P)),
    "s3rec_run_set_note": (STATUS, (P, TEXT)),
    "s3rec_run_note": (TEXT, (P,)),
    "s3rec_run_resume": (STATUS, (P, P, TEXT, I32, P)),
    "s3rec_run_state_read": (STATUS, (P, TEXT, P)),
    "s3rec_run_state_destroy": (None, (P,)),
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
    # front door
    "s3rec_recommender_options_init": (None, (P,)),
    "s3rec_recommender_open": (STATUS, (TEXT, P, P)),
    "s3rec_recommender_create": (STATUS, (P, P, P)),
    "s3rec_recommender_destroy": (None, (P,)),
    "s3rec_recommender_model": (STATUS, (P, P)),
    "s3rec_filter_options_init": (None, (P,)),
    "s3rec_filter_create": (STATUS, (P, P, P)),
    "s3rec_filter_destroy": (None, (P,)),
    "s3rec_recommend": (STATUS, (P, P, SIZE, P, SIZE, P, P, P)),
    "s3rec_request_init": (None, (P,)),
    "s3rec_recommend_request": (STATUS, (P, P, P)),
    "s3rec_similar": (STATUS, (P, P, P)),
    "s3rec_ranked_items_init": (None, (P,)),
    "s3rec_answer_get": (STATUS, (P, SIZE, P)),
    "s3rec_answer_rows": (STATUS, (P, P, P, P)),
    "s3rec_answer_destroy": (None, (P,)),
    "s3rec_exchange_options_init": (None, (P,)),
    "s3rec_recommender_exchange": (STATUS, (P, TEXT, P)),
    "s3rec_recommender_exchange_model": (STATUS, (P, P, P)),
    "s3rec_recommender_statistics_init": (None, (P,)),
    "s3rec_recommender_statistics_get": (STATUS, (P, P)),
    "s3rec_recommender_latency": (F64, (P, F64)),
    "s3rec_train_options_init": (None, (P,)),
    "s3rec_train": (STATUS, (P, P, P)),
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
