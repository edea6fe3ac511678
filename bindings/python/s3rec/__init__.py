# SPDX-License-Identifier: Apache-2.0
"""S3-Rec next-item recommendation: the Python side of libs3rec.

    import s3rec

    data = s3rec.Dataset.from_events(frame, user="user", item="film", timestamp="when")
    model = s3rec.Model.create(data)
    model = s3rec.pretrain(model, data)
    model = s3rec.finetune(model, data)
    print(s3rec.evaluate(model, data))
    items, scores = model.recommend(user="anna", dataset=data, k=10)
    model.save("model.safetensors")

Arrays are numpy's. Objects that own memory of the library have `close()` and work in `with`.
Failures are `s3rec.Error` and its subclasses, with `status` and `detail`.
"""
from s3rec._abi import library as _library
from s3rec._context import Context, build_info
from s3rec._dataset import Dataset
from s3rec._errors import (ArgumentError, EngineError, Error, FormatError, IoError,
                           LimitError, MismatchError, NotFoundError, NumericError, OutOfMemoryError,
                           StateError, ThreadError, UnsupportedError)
from s3rec._estimator import S3Rec
from s3rec._evaluate import evaluate
from s3rec._events import Events, EventsReport, TableReport
from s3rec._limits import Limits
from s3rec._model import Model, ModelConfig, file_metadata
from s3rec._options import RecipePlan, TrainingOptions, recipe_plan
from s3rec._recommender import Answer, Filter, Recommender, Statistics
from s3rec._reports import History, Metrics, Progress
from s3rec._run import Callback, Callbacks, Run, finetune, pretrain
from s3rec._sampler import Batch, BatchInfo, Sampler
from s3rec._scoring import Recommendation, RecommendationBatch
from s3rec._torch import read_torch, write_torch
from s3rec._train import Trained, train
from s3rec._trainer import Losses, Trainer
from s3rec._vocabulary import Vocabulary

__version__: str = _library.s3rec_version().decode()

__all__ = [
    "Answer", "ArgumentError", "Batch", "BatchInfo", "Callback", "Callbacks", "Context", "Dataset",
    "EngineError", "Error", "Events", "EventsReport", "Filter", "FormatError", "History",
    "IoError", "LimitError", "Limits", "Losses", "Metrics", "MismatchError", "Model",
    "ModelConfig", "NotFoundError", "NumericError", "OutOfMemoryError", "Progress", "RecipePlan",
    "Recommendation", "RecommendationBatch", "Recommender", "Run", "S3Rec", "Sampler",
    "StateError", "Statistics", "TableReport", "ThreadError", "Trained", "Trainer",
    "TrainingOptions", "UnsupportedError", "Vocabulary", "build_info", "evaluate", "file_metadata",
    "finetune", "pretrain", "read_torch", "recipe_plan", "train", "write_torch",
]
