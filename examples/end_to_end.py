# SPDX-License-Identifier: Apache-2.0
"""end_to_end.c in Python.

usage: end_to_end.py EVENTS ITEMS MODEL USER...
"""
import sys

import s3rec

PRETRAIN_EPOCHS, FINETUNE_EPOCHS = 2, 3  # few; None: as in the recipe


def load_data(log, items):
    data = s3rec.Dataset.from_files(log, items, min_user_events=5, min_item_events=5)
    report = data.report
    print(f"events {report.event_count}, kept {report.kept_count}, "
          f"items with attributes {report.attributed_item_count}")
    return data


def show(at):
    if at.event == "epoch":
        phase = "refit" if at.refit else at.stage
        print(f"{phase} {at.epoch}: loss {at.loss:.17g}, valid {at.valid_value:.17g}")


def measure(model, data):
    found = s3rec.evaluate(model, data)
    print(f"test, {found.user_count} users: HR@10 {found.hit_rate[10]:.17g}, "
          f"NDCG@10 {found.ndcg[10]:.17g}, MRR {found.mrr:.17g}")


def serve(path, data, users):
    """As a server would: from the file, mapped, names included."""
    with s3rec.Model.map(path) as model:
        for user in users:
            best = model.recommend(user=user, dataset=data, k=5)
            for item, score in zip(best.items, best.scores):
                print(f"{user}: {item} {score:.9g}")


def main(log, items, path, *users):
    data = load_data(log, items)
    model = s3rec.Model.create(data, max_seq_length=20, hidden_size=32, num_hidden_layers=1)
    model = s3rec.pretrain(model, data, epochs=PRETRAIN_EPOCHS, callbacks=show)
    model = s3rec.finetune(model, data, epochs=FINETUNE_EPOCHS, callbacks=show)
    measure(model, data)
    model.save(path)
    serve(path, data, users)


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
