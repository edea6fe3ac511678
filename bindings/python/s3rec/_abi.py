# SPDX-License-Identifier: Apache-2.0
"""The functions of the C interface with their types, as one table (the structs: _structs.py).

A test compares it with the headers. Handles have types of their own, so that ctypes refuses those
of another kind, as in Run.finish(trainer). Other pointers are plain addresses (POINTER), so that an
array's address goes in without an object of ctypes being made for it.
"""
from __future__ import annotations

import ctypes
from typing import Any, Type, TypeVar

from s3rec import _library
from s3rec._structs import (ANSWER, BATCH, CONTEXT, DATASET, ENUM, EVENTS, F64, FILTER, I32, I64,
                             MODEL, POINTER, RECOMMENDER, RUN, SAMPLER, SCORER, SIZE, STRUCTS, TEXT,
                             TRAINER, U64, VOCABULARY)

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
    "s3rec_context_destroy": (None, (CONTEXT,)),
    "s3rec_context_kernel_level": (ENUM, (CONTEXT,)),
    "s3rec_context_backend": (ENUM, (CONTEXT,)),
    # vocabulary
    "s3rec_max_name_length": (SIZE, ()),
    "s3rec_vocabulary_create": (STATUS, (CONTEXT, ENUM, I32, P, P, SIZE, P)),
    "s3rec_vocabulary_destroy": (None, (VOCABULARY,)),
    "s3rec_vocabulary_count": (SIZE, (VOCABULARY,)),
    "s3rec_vocabulary_first_id": (I32, (VOCABULARY,)),
    "s3rec_vocabulary_kind": (ENUM, (VOCABULARY,)),
    "s3rec_vocabulary_name": (STATUS, (VOCABULARY, I32, P, P)),
    "s3rec_vocabulary_text": (STATUS, (VOCABULARY, P, P)),
    "s3rec_vocabulary_find": (STATUS, (VOCABULARY, TEXT, SIZE, P)),
    "s3rec_vocabulary_find_many": (STATUS, (VOCABULARY, P, P, SIZE, P)),
    # dataset
    "s3rec_max_item_id": (I32, ()),
    "s3rec_dataset_load": (STATUS, (CONTEXT, TEXT, TEXT, TEXT, P)),
    "s3rec_dataset_arrays_init": (None, (P,)),
    "s3rec_dataset_from_arrays": (STATUS, (CONTEXT, P, P)),
    "s3rec_dataset_destroy": (None, (DATASET,)),
    "s3rec_dataset_info_init": (None, (P,)),
    "s3rec_dataset_info_get": (STATUS, (DATASET, P)),
    "s3rec_dataset_user_items": (STATUS, (DATASET, SIZE, P, P)),
    "s3rec_dataset_item_attributes": (STATUS, (DATASET, I32, P, P)),
    "s3rec_dataset_user_negatives": (STATUS, (DATASET, SIZE, P, P)),
    "s3rec_dataset_item_names": (STATUS, (DATASET, P)),
    "s3rec_dataset_user_names": (STATUS, (DATASET, P)),
    "s3rec_dataset_attribute_names": (STATUS, (DATASET, P)),
    # events
    "s3rec_events_create": (STATUS, (CONTEXT, P)),
    "s3rec_events_destroy": (None, (EVENTS,)),
    "s3rec_table_options_init": (None, (P,)),
    "s3rec_table_report_init": (None, (P,)),
    "s3rec_events_read": (STATUS, (EVENTS, TEXT, P, P)),
    "s3rec_events_read_attributes": (STATUS, (EVENTS, TEXT, P, P)),
    "s3rec_events_append": (STATUS, (EVENTS, SIZE, P, P, P, P)),
    "s3rec_events_append_attributes": (STATUS, (EVENTS, SIZE, P, P)),
    "s3rec_events_options_init": (None, (P,)),
    "s3rec_events_report_init": (None, (P,)),
    "s3rec_events_dataset": (STATUS, (EVENTS, P, P, P)),
    # sampler, batch
    "s3rec_sampler_options_init": (None, (P, ENUM)),
    "s3rec_sampler_create": (STATUS, (DATASET, P, P)),
    "s3rec_sampler_destroy": (None, (SAMPLER,)),
    "s3rec_sampler_epoch_size": (STATUS, (SAMPLER, P, P)),
    "s3rec_sampler_next": (STATUS, (SAMPLER, BATCH)),
    "s3rec_sampler_position": (STATUS, (SAMPLER, P, P)),
    "s3rec_sampler_seek": (STATUS, (SAMPLER, U64, SIZE)),
    "s3rec_batch_create": (STATUS, (CONTEXT, P)),
    "s3rec_batch_destroy": (None, (BATCH,)),
    "s3rec_pretrain_arrays_init": (None, (P,)),
    "s3rec_batch_set_pretrain": (STATUS, (BATCH, P)),
    "s3rec_batch_set_finetune": (STATUS, (BATCH, I32, I32, P, P, P)),
    "s3rec_batch_info_init": (None, (P,)),
    "s3rec_batch_info_get": (STATUS, (BATCH, P)),
    "s3rec_batch_read": (STATUS, (BATCH, TEXT, P, SIZE)),
    # model
    "s3rec_model_config_init": (None, (P,)),
    "s3rec_model_create": (STATUS, (CONTEXT, P, U64, P)),
    "s3rec_model_create_for": (STATUS, (DATASET, P, U64, P)),
    "s3rec_model_load": (STATUS, (CONTEXT, TEXT, P, P)),
    "s3rec_model_map": (STATUS, (CONTEXT, TEXT, P, P)),
    "s3rec_model_save": (STATUS, (MODEL, TEXT)),
    "s3rec_model_clone": (STATUS, (MODEL, P)),
    "s3rec_model_set_dropouts": (STATUS, (MODEL, F64, F64)),
    "s3rec_model_copy_weights": (STATUS, (MODEL, MODEL)),
    "s3rec_model_memory": (SIZE, (MODEL,)),
    "s3rec_model_destroy": (None, (MODEL,)),
    "s3rec_model_config_get": (STATUS, (MODEL, P)),
    "s3rec_parameter_info_init": (None, (P,)),
    "s3rec_model_parameter_count": (SIZE, (MODEL,)),
    "s3rec_model_parameter_info": (STATUS, (MODEL, SIZE, P)),
    "s3rec_model_parameter_read": (STATUS, (MODEL, TEXT, P, SIZE)),
    "s3rec_model_parameter_write": (STATUS, (MODEL, TEXT, P, SIZE)),
    "s3rec_model_set_names": (STATUS, (MODEL, VOCABULARY, VOCABULARY)),
    "s3rec_model_item_names": (STATUS, (MODEL, P)),
    "s3rec_model_attribute_names": (STATUS, (MODEL, P)),
    "s3rec_model_set_popularity": (STATUS, (MODEL, P, SIZE)),
    "s3rec_model_count_popularity": (STATUS, (MODEL, DATASET, I32)),
    "s3rec_model_popularity": (STATUS, (MODEL, P, SIZE)),
    "s3rec_model_fingerprint": (U64, (MODEL,)),
    "s3rec_model_file_metadata": (STATUS, (CONTEXT, TEXT, P, P)),
    # trainer
    "s3rec_trainer_options_init": (None, (P,)),
    "s3rec_trainer_create": (STATUS, (MODEL, P, P)),
    "s3rec_trainer_destroy": (None, (TRAINER,)),
    "s3rec_losses_init": (None, (P,)),
    "s3rec_pretrain_step": (STATUS, (TRAINER, BATCH, P)),
    "s3rec_finetune_step": (STATUS, (TRAINER, BATCH, P)),
    "s3rec_trainer_compute_gradients": (STATUS, (TRAINER, BATCH, P)),
    "s3rec_trainer_gradient_read": (STATUS, (TRAINER, TEXT, P, SIZE)),
    "s3rec_trainer_gradient_write": (STATUS, (TRAINER, TEXT, P, SIZE)),
    "s3rec_trainer_apply_gradients": (STATUS, (TRAINER,)),
    "s3rec_trainer_step_count": (U64, (TRAINER,)),
    "s3rec_trainer_save": (STATUS, (TRAINER, SAMPLER, TEXT, TEXT)),
    "s3rec_trainer_load": (STATUS, (TRAINER, SAMPLER, TEXT)),
    "s3rec_trainer_note": (TEXT, (TRAINER,)),
    "s3rec_trainer_memory": (SIZE, (TRAINER,)),
    # recipe, run
    "s3rec_recipe_plan_init": (None, (P,)),
    "s3rec_recipe_plan_get": (STATUS, (ENUM, ENUM, P)),
    "s3rec_recipe_sampler": (STATUS, (ENUM, P)),
    "s3rec_recipe_trainer": (STATUS, (ENUM, ENUM, SIZE, P)),
    "s3rec_run_options_init": (None, (P, ENUM)),
    "s3rec_run_create": (STATUS, (MODEL, DATASET, P, P)),
    "s3rec_run_destroy": (None, (RUN,)),
    "s3rec_run_progress_init": (None, (P,)),
    "s3rec_run_step": (STATUS, (RUN, P)),
    "s3rec_run_valid_metrics": (STATUS, (RUN, P)),
    "s3rec_run_save": (STATUS, (RUN, TEXT)),
    "s3rec_run_load": (STATUS, (RUN, TEXT)),
    "s3rec_run_progress_get": (STATUS, (RUN, P)),
    "s3rec_run_finish": (STATUS, (RUN, P)),
    "s3rec_run_estimate_init": (None, (P,)),
    "s3rec_run_ahead": (STATUS, (RUN, P)),
    "s3rec_run_set_note": (STATUS, (RUN, TEXT)),
    "s3rec_run_note": (TEXT, (RUN,)),
    "s3rec_run_resume": (STATUS, (MODEL, DATASET, TEXT, I32, P)),
    "s3rec_run_state_read": (STATUS, (CONTEXT, TEXT, P)),
    "s3rec_run_state_destroy": (None, (P,)),
    # scorer
    "s3rec_scorer_options_init": (None, (P,)),
    "s3rec_scorer_create": (STATUS, (MODEL, P)),
    "s3rec_scorer_create_with": (STATUS, (MODEL, P, P)),
    "s3rec_scorer_destroy": (None, (SCORER,)),
    "s3rec_score_options_init": (None, (P,)),
    "s3rec_score_next": (STATUS, (SCORER, P, SIZE, P, SIZE, P, P, P)),
    "s3rec_score_next_batch": (STATUS, (SCORER, P, P, SIZE, P, SIZE, P, P, P)),
    "s3rec_score_all": (STATUS, (SCORER, P, SIZE, P, SIZE)),
    "s3rec_user_vector": (STATUS, (SCORER, P, SIZE, P, SIZE)),
    "s3rec_encode": (STATUS, (SCORER, ENUM, P, SIZE, SIZE, P)),
    "s3rec_scorer_memory": (SIZE, (SCORER,)),
    # evaluation
    "s3rec_rank_excluded": (I64, ()),
    "s3rec_evaluate_options_init": (None, (P,)),
    "s3rec_metrics_init": (None, (P,)),
    "s3rec_evaluate": (STATUS, (MODEL, DATASET, P, P, P)),
    # front door
    "s3rec_recommender_options_init": (None, (P,)),
    "s3rec_recommender_open": (STATUS, (TEXT, P, P)),
    "s3rec_recommender_create": (STATUS, (MODEL, P, P)),
    "s3rec_recommender_destroy": (None, (RECOMMENDER,)),
    "s3rec_recommender_model": (STATUS, (RECOMMENDER, P)),
    "s3rec_filter_options_init": (None, (P,)),
    "s3rec_filter_create": (STATUS, (RECOMMENDER, P, P)),
    "s3rec_filter_destroy": (None, (FILTER,)),
    "s3rec_recommend": (STATUS, (RECOMMENDER, P, SIZE, FILTER, SIZE, P, P, P)),
    "s3rec_request_init": (None, (P,)),
    "s3rec_recommend_request": (STATUS, (RECOMMENDER, P, P)),
    "s3rec_similar": (STATUS, (RECOMMENDER, P, P)),
    "s3rec_ranked_items_init": (None, (P,)),
    "s3rec_answer_get": (STATUS, (ANSWER, SIZE, P)),
    "s3rec_answer_rows": (STATUS, (ANSWER, P, P, P)),
    "s3rec_answer_destroy": (None, (ANSWER,)),
    "s3rec_exchange_options_init": (None, (P,)),
    "s3rec_recommender_exchange": (STATUS, (RECOMMENDER, TEXT, P)),
    "s3rec_recommender_exchange_model": (STATUS, (RECOMMENDER, MODEL, P)),
    "s3rec_recommender_statistics_init": (None, (P,)),
    "s3rec_recommender_statistics_get": (STATUS, (RECOMMENDER, P)),
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
