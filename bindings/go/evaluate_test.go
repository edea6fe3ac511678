// SPDX-License-Identifier: Apache-2.0

package s3rec

import (
	"os"
	"path/filepath"
	"testing"
)

func TestEvaluate(t *testing.T) {
	model, data := fixtureModel(t), fixtureDataset(t)
	metrics, ranks, err := model.EvaluateRanks(data, nil)
	ok(t, err)
	if metrics != must(model.Evaluate(data, nil)) || metrics.Split != SplitTest ||
		metrics.Protocol != ProtocolFull || metrics.Seen != SeenExclude || metrics.Users != 60 {
		t.Errorf("%+v", metrics)
	}
	var hits, reciprocals float64
	for _, rank := range ranks {
		if rank < 10 {
			hits++
		}
		reciprocals += 1 / float64(rank+1)
	}
	if hits/60 != metrics.HitRate[2] || !near([]float32{float32(reciprocals / 60)},
		[]float32{float32(metrics.MRR)}) {
		t.Errorf("ranks give %v and %v, metrics are %+v", hits/60, reciprocals/60, metrics)
	}
	sampled := must(model.Evaluate(data, &EvaluateOptions{Split: SplitValid,
		Protocol: ProtocolSampled, Seen: SeenZero}))
	if sampled.Split != SplitValid || sampled.Protocol != ProtocolSampled ||
		sampled.Seen != SeenZero || sampled.HitRate[3] < metrics.HitRate[3] {
		t.Errorf("%+v", sampled)
	}
	plain := must(NewDataset(nil, DatasetArrays{Sequences: sequencesOf(9)}))
	defer plain.Close()
	for _, bad := range []EvaluateOptions{{Split: 9}, {Protocol: 9}, {Seen: 9}, {Split: -1},
		{Protocol: ProtocolSampled}} {
		bad := bad
		wants(t, errorOf(model.Evaluate(plain, &bad)), ErrArgument)
	}
}

// TestRealData compares ranks with recommendations, on the authors' fine-tuned weights and data. It
// is skipped where these files are absent.
func TestRealData(t *testing.T) {
	folder := os.Getenv("S3REC_SHARED")
	if folder == "" {
		t.Skip("S3REC_SHARED does not name the reference material")
	}
	weights := filepath.Join(folder, "golden/lastfm_finetuned.safetensors")
	if _, err := os.Stat(weights); err != nil {
		t.Skip(err)
	}
	model := must(LoadModel(nil, weights, nil))
	defer model.Close()
	data := must(LoadDataset(nil, DatasetFiles{
		Sequences:  filepath.Join(folder, "data/LastFM.txt"),
		Attributes: filepath.Join(folder, "data/LastFM_item2attributes.json"),
		Negatives:  filepath.Join(folder, "data/LastFM_sample.txt")}))
	defer data.Close()
	_, ranks, err := model.EvaluateRanks(data, nil)
	ok(t, err)
	checked := 0
	for user, rank := range ranks {
		items := must(data.UserItems(user))
		last := len(items) - 1
		best := must(model.Recommend(items[:last], 20, nil))
		for place, r := range best {
			if r.Item == items[last] {
				checked++
				if int64(place) != rank {
					t.Errorf("user %d: place %d, rank %d", user, place, rank)
				}
			}
		}
	}
	if checked < len(ranks)/50 {
		t.Errorf("only %d of %d answers are among the best 20", checked, len(ranks))
	}
}
