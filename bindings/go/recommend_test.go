// SPDX-License-Identifier: Apache-2.0

package s3rec

import (
	"math"
	"reflect"
	"testing"
)

func TestRecommendAgreesWithAllScores(t *testing.T) {
	model := fixtureModel(t)
	history := []int32{3, 9, 4}
	scores := must(model.ScoreAll(history))
	best := must(model.Recommend(history, 5, nil))
	if len(best) != 5 {
		t.Fatalf("%d recommendations instead of 5", len(best))
	}
	for i, r := range best {
		if r.Score != scores[r.Item] {
			t.Errorf("item %d has score %v, among all %v", r.Item, r.Score, scores[r.Item])
		}
		if i > 0 && r.Score > best[i-1].Score {
			t.Errorf("place %d scores higher than the one before", i)
		}
		for _, seen := range history {
			if r.Item == seen {
				t.Errorf("item %d of the history is recommended", seen)
			}
		}
	}
	better := 0
	for item := 1; item <= fixtureItems; item++ {
		if scores[item] > best[4].Score && item != 3 && item != 9 && item != 4 {
			better++
		}
	}
	if better != 4 {
		t.Errorf("%d items are better than the fifth", better)
	}
}

func TestRecommendOptions(t *testing.T) {
	model := fixtureModel(t)
	history := []int32{3, 9, 4}
	all := must(model.Recommend(history, math.MaxInt, &RecommendOptions{IncludeHistory: true}))
	if len(all) != fixtureItems {
		t.Errorf("%d items with the history's, not %d", len(all), fixtureItems)
	}
	fewer := must(model.Recommend(history, 100, &RecommendOptions{Excluded: []int32{1, 2, -5, 999}}))
	if len(fewer) != fixtureItems-5 {
		t.Errorf("%d items without excluded ones, not %d", len(fewer), fixtureItems-5)
	}
	some := must(model.Recommend(history, 100,
		&RecommendOptions{Candidates: []int32{9, 10, 11, 11, 1 << 30}}))
	if len(some) != 2 {
		t.Errorf("%v of candidates 10 and 11", some)
	}
	if none := must(model.Recommend(history, 9, &RecommendOptions{Candidates: []int32{}})); len(none) != 0 {
		t.Errorf("%v of no candidates", none)
	}
	for _, empty := range [][]int32{nil, {}, {0, -1, math.MaxInt32, math.MinInt32}} {
		if none := must(model.Recommend(empty, 9, nil)); len(none) != 0 {
			t.Errorf("%v for history %v", none, empty)
		}
	}
	if none := must(model.Recommend(history, 0, nil)); len(none) != 0 {
		t.Errorf("%v for k 0", none)
	}
	_, err := model.Recommend(history, -1, nil)
	wants(t, err, ErrArgument)
}

func TestAppendRecommendKeepsWhatIsThere(t *testing.T) {
	model := fixtureModel(t)
	first := Recommendation{Item: 77, Score: 7}
	best := must(model.AppendRecommend([]Recommendation{first}, []int32{1, 2}, 3, nil))
	if len(best) != 4 || best[0] != first {
		t.Errorf("%v", best)
	}
	if again := must(model.Recommend([]int32{1, 2}, 3, nil)); !reflect.DeepEqual(best[1:], again) {
		t.Errorf("%v appended, %v new", best[1:], again)
	}
}

func TestAppendRecommendAllocatesNothing(t *testing.T) {
	model := fixtureModel(t)
	history := []int32{3, 9, 4, 8}
	options := &RecommendOptions{Excluded: []int32{5}}
	best := must(model.Recommend(history, 10, options))
	count := testing.AllocsPerRun(50, func() {
		best = must(model.AppendRecommend(best[:0], history, 10, options))
	})
	if count != 0 {
		t.Errorf("%v allocations a call", count)
	}
}

func TestBatchAgreesWithSingleCalls(t *testing.T) {
	model := fixtureModel(t)
	histories := append(sequencesOf(600), nil, []int32{-1})
	batch := must(model.RecommendBatch(histories, 7, nil))
	if len(batch) != len(histories) {
		t.Fatalf("%d results for %d histories", len(batch), len(histories))
	}
	for user, history := range histories {
		single := must(model.Recommend(history, 7, nil))
		if len(single) != len(batch[user]) {
			t.Fatalf("user %d: %v single, %v in the batch", user, single, batch[user])
		}
		for i := range single {
			if single[i] != batch[user][i] {
				t.Fatalf("user %d: %v single, %v in the batch", user, single, batch[user])
			}
		}
	}
	if none := must(model.RecommendBatch(nil, 7, nil)); len(none) != 0 {
		t.Errorf("%v for no users", none)
	}
	_, err := model.RecommendBatch(histories, -7, nil)
	wants(t, err, ErrArgument)
}

func TestScansGiveTheSameBits(t *testing.T) {
	model := fixtureModel(t)
	history := []int32{3, 9, 4}
	want := must(model.Recommend(history, 2, nil))
	for _, scan := range []Scan{ScanF32, ScanBF16, ScanInt8, ScanAuto} {
		ok(t, model.SetScorers(ScorerOptions{Scan: scan, Limit: 2}))
		if got := must(model.Recommend(history, 2, nil)); !reflect.DeepEqual(got, want) {
			t.Errorf("scan %d gives %v instead of %v", scan, got, want)
		}
	}
	wants(t, model.SetScorers(ScorerOptions{Scan: 9}), ErrArgument)
	wants(t, model.SetScorers(ScorerOptions{Limit: -1}), ErrArgument)
	ok(t, model.FreeScorers())
}

func TestVectors(t *testing.T) {
	model := fixtureModel(t)
	items := must(model.ItemVectors())
	if items.Rows != fixtureItems+2 || items.Columns != 16 {
		t.Fatalf("item table of %d x %d", items.Rows, items.Columns)
	}
	history := []int32{3, 9, 4}
	scores := must(model.ScoreAll(history))
	vector := must(model.UserVector(history))
	for item := 1; item <= fixtureItems; item++ {
		var product float64
		for i, x := range items.Row(item) {
			product += float64(x) * float64(vector[i])
		}
		if math.Abs(product-float64(scores[item])) > 1e-5 {
			t.Errorf("item %d: %v by vectors, %v by the library", item, product, scores[item])
		}
	}
	users := must(model.UserVectors([][]int32{{1}, history}))
	if users.Rows != 2 || !reflect.DeepEqual(users.Row(1), vector) {
		t.Errorf("%v instead of %v", users.Row(1), vector)
	}
	hidden := must(model.Encode(Causal, [][]int32{{0, 0, 3, 9, 4}}))
	if hidden.Rows != 5 || !near(hidden.Row(4), vector) {
		t.Errorf("last position %v, user vector %v", hidden.Row(4), vector)
	}
	_, err := model.UserVector([]int32{-1})
	wants(t, err, ErrArgument)
	_, err = model.UserVectors([][]int32{{1}, nil})
	wants(t, err, ErrArgument)
	_, err = model.ScoreAll(nil)
	wants(t, err, ErrArgument)
	_, err = model.Encode(Causal, [][]int32{{1, 2}, {3}})
	wants(t, err, ErrArgument)
	_, err = model.Encode(Causal, [][]int32{{1, 99}})
	wants(t, err, ErrFormat)
	_, err = model.Encode(9, [][]int32{{1}})
	wants(t, err, ErrArgument)
}

func near(a, b []float32) bool {
	for i := range a {
		if math.Abs(float64(a[i]-b[i])) > 1e-5 {
			return false
		}
	}
	return len(a) == len(b)
}
