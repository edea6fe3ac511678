// SPDX-License-Identifier: Apache-2.0

package s3rec

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// namedModel has the popularity of the fixture's items and the names first+1, first+2, ...
func namedModel(t testing.TB, seed uint64, first int64) *Model {
	t.Helper()
	model := must(NewModel(nil, ModelOptions{ItemSize: fixtureItems + 2, HiddenSize: 16,
		MaxSeqLength: 12, Seed: &seed}))
	t.Cleanup(func() { model.Close() })
	ids := sequence(fixtureItems)
	for i := range ids {
		ids[i] += first + 1
	}
	names := must(NewVocabulary(nil, 1, Integers(ids)))
	defer names.Close()
	ok(t, model.SetNames(names, nil))
	ok(t, model.CountPopularity(fixtureDataset(t), 2))
	return model
}

func modelFile(t testing.TB, model *Model) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.safetensors")
	ok(t, model.Save(path))
	return path
}

func TestRecommenderAgreesWithItsModel(t *testing.T) {
	model := namedModel(t, 1, 0)
	path, histories := modelFile(t, model), sequencesOf(150)
	threads := must(NewContext(&ContextOptions{Threads: 2}))
	defer threads.Close()
	for _, r := range []*Recommender{must(OpenRecommender(path, nil)),
		must(OpenRecommender(path, &RecommenderOptions{Copy: true, Scan: ScanF32})),
		must(NewRecommender(model, &RecommenderOptions{Context: threads, Limit: 1}))} {
		requested := must(r.Answer(Request{Items: histories, K: 6}))
		batch := must(r.RecommendBatch(histories, 6, nil))
		for user, history := range histories {
			want := must(model.Recommend(history, 6, nil))
			if got := must(r.Recommend(history, 6, nil)); !reflect.DeepEqual(got, want) ||
				!reflect.DeepEqual(batch[user], want) {
				t.Fatalf("user %d: %v and %v instead of %v", user, got, batch[user], want)
			}
			answer := requested[user]
			if answer.Source != AnswerModel || answer.Unknown != 0 || answer.ModelNumber != 1 ||
				len(answer.Items) != len(want) {
				t.Fatalf("user %d: %+v", user, answer)
			}
			for i, item := range answer.Items {
				if item.Item != want[i].Item || item.Score != want[i].Score ||
					item.Name != fmt.Sprint(item.Item) {
					t.Fatalf("user %d: %+v instead of %+v", user, item, want[i])
				}
			}
		}
		ok(t, r.Close())
	}
	wants(t, errorOf(OpenRecommender("absent", nil)), ErrIO)
	wants(t, errorOf(OpenRecommender("a\x00b", nil)), ErrArgument)
	wants(t, errorOf(OpenRecommender(path, &RecommenderOptions{Scan: 9})), ErrArgument)
	wants(t, errorOf(OpenRecommender(path, &RecommenderOptions{Limit: -1})), ErrArgument)
}

func TestRecommenderAllocatesNothing(t *testing.T) {
	model := namedModel(t, 1, 0)
	r := must(NewRecommender(model, nil))
	defer r.Close()
	filter := must(r.NewFilter(FilterOptions{Denied: []int32{5}}))
	defer filter.Close()
	history, best := []int32{3, 9, 4, 8}, make([]Recommendation, 0, 16)
	for name, options := range map[string]*RecommendOptions{"plain": nil,
		"filter": {Filter: filter}, "list": {Excluded: []int32{5}}, "history": {IncludeHistory: true},
		"both": {Filter: filter, Candidates: []int32{5, 6, 7}}} {
		count := testing.AllocsPerRun(50, func() {
			best = must(r.AppendRecommend(best[:0], history, 10, options))
		})
		if count != 0 {
			t.Errorf("%s: %v allocations a call", name, count)
		}
	}
}

func TestUnknownHistories(t *testing.T) {
	r := must(NewRecommender(namedModel(t, 1, 0), nil))
	defer r.Close()
	counts := must(must(r.Model()).Popularity())
	answers := must(r.Answer(Request{Names: [][]string{nil, {"never", "a\x00b", ""}, {"7", "never"}},
		K: 3}))
	for user, source := range []AnswerSource{AnswerPopular, AnswerPopular, AnswerModel} {
		if answers[user].Source != source || len(answers[user].Items) != 3 ||
			answers[user].Unknown != []int{0, 3, 1}[user] {
			t.Errorf("user %d: %+v", user, answers[user])
		}
	}
	popular := must(r.Recommend([]int32{-1, 999}, math.MaxInt, nil))
	for i, item := range popular {
		if i > 0 && counts[item.Item] > counts[popular[i-1].Item] {
			t.Errorf("%v is not in the order of popularity", popular)
		}
	}
	if len(popular) < 3 || popular[0].Item != answers[0].Items[0].Item {
		t.Errorf("%v and %+v", popular, answers[0])
	}
}

func TestFilters(t *testing.T) {
	model := namedModel(t, 1, 100)
	r := must(NewRecommender(model, nil))
	defer r.Close()
	history := []int32{3, 9, 4}
	few := must(r.NewFilter(FilterOptions{Allowed: []int32{3, 10, 11}, AllowedNames: []string{"112",
		"113", "never"}, DeniedNames: []string{"111"}}))
	none := must(r.NewFilter(FilterOptions{Allowed: []int32{}}))
	without := must(r.NewFilter(FilterOptions{Denied: []int32{10, -5, 1 << 30}}))
	items := func(best []Recommendation, err error) map[int32]bool {
		ok(t, err)
		found := map[int32]bool{}
		for _, item := range best {
			found[item.Item] = true
		}
		return found
	}
	for name, test := range map[string]struct {
		options RecommendOptions
		want    map[int32]bool
	}{
		"allowed": {RecommendOptions{Filter: few}, map[int32]bool{10: true, 12: true, 13: true}},
		"history": {RecommendOptions{Filter: few, IncludeHistory: true},
			map[int32]bool{3: true, 10: true, 12: true, 13: true}},
		"none": {RecommendOptions{Filter: none}, map[int32]bool{}},
		"a list": {RecommendOptions{Filter: few, Excluded: []int32{12}},
			map[int32]bool{10: true, 13: true}},
		"two lists": {RecommendOptions{Filter: without, Candidates: []int32{10, 20},
			CandidateNames: []string{"121"}}, map[int32]bool{20: true, 21: true}},
	} {
		if got := items(r.Recommend(history, 100, &test.options)); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %v instead of %v", name, got, test.want)
		}
		batch := must(r.RecommendBatch([][]int32{history, {1}}, 100, &test.options))
		if got := items(batch[0], nil); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %v instead of %v in a batch", name, got, test.want)
		}
	}
	request := Request{Items: [][]int32{history, history, history}, K: 100,
		Filter: without, Filters: []*Filter{few, nil, none}}
	answers := must(r.Answer(request))
	if len(answers[0].Items) != 2 || len(answers[1].Items) != fixtureItems-4 ||
		len(answers[2].Items) != 0 || answers[2].Source != AnswerNone {
		t.Errorf("%+v", answers)
	}
	request.Filters = request.Filters[:2]
	wants(t, errorOf(r.Answer(request)), ErrArgument)
	ok(t, none.Close())
	request.Filters = []*Filter{few, nil, none}
	wants(t, errorOf(r.Answer(request)), ErrClosed)
	wants(t, errorOf(r.Recommend(history, 3, &RecommendOptions{Filter: none})), ErrClosed)
	wants(t, errorOf(r.Recommend(history, 3, &RecommendOptions{Filter: &Filter{}})), ErrClosed)
	if state := few.h.state.Load(); state != 0 {
		t.Errorf("a filter is in state %x after a request that failed", state)
	}
	ok(t, few.Close())
	wants(t, errorOf(r.Answer(Request{Items: [][]int32{history}, Names: [][]string{{"101"}}})),
		ErrArgument)
	wants(t, errorOf(r.Answer(Request{K: -1})), ErrArgument)
	if answers := must(r.Answer(Request{})); len(answers) != 0 {
		t.Errorf("%+v for no users", answers)
	}
	nameless := must(NewRecommender(fixtureModel(t), nil))
	defer nameless.Close()
	wants(t, errorOf(nameless.NewFilter(FilterOptions{DeniedNames: []string{"a"}})), ErrArgument)
	if answers := must(nameless.Answer(Request{Items: [][]int32{{1}}})); len(answers[0].Items) != 10 ||
		answers[0].Items[0].Name != "" {
		t.Errorf("%+v", answers)
	}
}

func TestSimilar(t *testing.T) {
	model := namedModel(t, 1, 0)
	r := must(NewRecommender(model, nil))
	defer r.Close()
	vectors := must(model.ItemVectors())
	cosine := func(a, b int32) float32 {
		var product, normA, normB float64
		for i, x := range vectors.Row(int(a)) {
			y := vectors.Row(int(b))[i]
			product, normA, normB = product+float64(x)*float64(y), normA+float64(x)*float64(x),
				normB+float64(y)*float64(y)
		}
		return float32(product / math.Sqrt(normA*normB))
	}
	answers := must(r.Similar(Request{Items: [][]int32{{7}, {999}}, K: 5, IncludeHistory: true}))
	if len(answers[0].Items) != 5 || len(answers[1].Items) != 0 || answers[1].Source != AnswerNone {
		t.Errorf("%+v", answers)
	}
	for _, item := range answers[0].Items {
		if item.Item == 7 || !near([]float32{item.Score}, []float32{cosine(7, item.Item)}) {
			t.Errorf("%+v, the cosine is %v", item, cosine(7, item.Item))
		}
	}
	if named := must(r.Similar(Request{Names: [][]string{{"7"}}, K: 5})); !reflect.DeepEqual(
		named[0], answers[0]) {
		t.Errorf("%+v by names, %+v by ids", named[0], answers[0])
	}
}

func TestExchangeUnderLoad(t *testing.T) {
	var lines atomic.Int64
	c := must(NewContext(&ContextOptions{Log: func(LogLevel, string) { lines.Add(1) }, Threads: 2}))
	models := []*Model{namedModel(t, 1, 0), namedModel(t, 2, 20)}
	paths := []string{modelFile(t, models[0]), modelFile(t, models[1])}
	history, answers := []string{"25", "31"}, map[string]bool{}
	for _, model := range models {
		answers[fmt.Sprint(must(model.RecommendNames(history, 5, nil)))] = true
	}
	r := must(OpenRecommender(paths[0], nil))
	var stop atomic.Bool
	done := make(chan error)
	go func() {
		done <- together(8, func(int) error {
			for !stop.Load() {
				best, err := r.RecommendNames(history, 5, nil)
				if err != nil || !answers[fmt.Sprint(best)] {
					return fmt.Errorf("%v, %w", best, err)
				}
				if _, err := r.RecommendIDs([]int64{25}, 5, nil); err != nil {
					return err
				}
			}
			return nil
		})
	}()
	options := &ExchangeOptions{LeastKnownShare: Ptr(0.3), Dataset: fixtureDataset(t)}
	for i := 1; i < 12; i++ {
		ok(t, r.Exchange(paths[i%2], options))
	}
	loaded := must(LoadModel(c, paths[0], nil))
	ok(t, r.ExchangeModel(loaded, options))
	wants(t, loaded.SetDropouts(0, 0), ErrState)
	ok(t, loaded.Close())
	c.Close()
	before := lines.Load()
	many := must(NewDataset(nil, DatasetArrays{Sequences: sequencesOf(300)}))
	defer many.Close()
	ok(t, r.ExchangeModel(models[1], &ExchangeOptions{LeastKnownShare: Ptr(0.0), Dataset: many,
		LargestLoss: Ptr(0.999)})) // measures the model of c, too
	if lines.Load() == before {
		t.Error("the log of a closed Context was not used: this tests nothing")
	}
	stop.Store(true)
	ok(t, <-done)

	err := r.Exchange(paths[0], &ExchangeOptions{LeastKnownShare: Ptr(0.9)})
	wants(t, err, ErrMismatch)
	wants(t, r.Exchange(paths[0], &ExchangeOptions{LeastKnownShare: Ptr(0.3),
		Dataset: fixtureDataset(t), LeastNDCG10: 0.99}), ErrMismatch)
	wants(t, r.Exchange("absent", nil), ErrIO)
	wants(t, r.Exchange(paths[0], &ExchangeOptions{LargestLoss: Ptr(2.0)}), ErrArgument)
	statistics := must(r.Statistics())
	if statistics.ModelNumber != 14 || statistics.RefusedExchanges < 3 || statistics.Calls == 0 ||
		statistics.Users != statistics.Calls || statistics.FailedCalls != 0 || statistics.Memory == 0 {
		t.Errorf("%+v", statistics)
	}
	half, most := statistics.Latency(0.5), statistics.Latency(1)
	if half <= 0 || most < half || most > time.Hour || (&Statistics{}).Latency(0.5) != 0 {
		t.Errorf("latencies %v, %v", half, most)
	}
	root := r.h.root
	ok(t, r.Close())
	if users := root.users.Load(); users != 0 {
		t.Errorf("%d users of the recommender's root are left", users)
	}
}

func TestNothingChangesWhatServes(t *testing.T) {
	model := namedModel(t, 1, 0)
	r := must(NewRecommender(model, nil))
	wants(t, model.SetPopularity(nil), ErrState)
	wants(t, errorOf(NewTrainer(model, nil)), ErrState)
	served := must(r.Model())
	defer served.Close()
	if best := must(served.Recommend([]int32{1}, 1, nil)); len(best) != 1 {
		t.Errorf("%v", best)
	}
	ok(t, r.Close())
	err := served.SetPopularity(nil)
	wants(t, err, ErrState)
	if !strings.Contains(err.Error(), "Clone") {
		t.Errorf("%v", err)
	}
	ok(t, served.Close())
	ok(t, model.SetPopularity(nil))
	wants(t, errorOf(model.Popularity()), ErrNotFound)
	wants(t, model.SetPopularity([]int32{1}), ErrMismatch)
	wants(t, model.SetPopularity(make([]int32, fixtureItems+1)), ErrMismatch)
	wants(t, model.CountPopularity(fixtureDataset(t), 3), ErrArgument)
	trained := must(model.Clone())
	defer trained.Close()
	trainer := must(NewTrainer(trained, nil))
	defer trainer.Close()
	wants(t, errorOf(NewRecommender(trained, nil)), ErrState)
}

func TestCloseOfRecommenderUnderLoad(t *testing.T) {
	model := namedModel(t, 1, 0)
	r := must(NewRecommender(model, nil))
	filter := must(r.NewFilter(FilterOptions{Denied: []int32{5}}))
	var served atomic.Int64
	done := make(chan error)
	go func() {
		done <- together(8, func(int) error {
			for {
				best, err := r.Recommend([]int32{1, 2, 3}, 4, &RecommendOptions{Filter: filter})
				if errors.Is(err, ErrClosed) {
					return nil
				}
				if err != nil || len(best) != 4 {
					return fmt.Errorf("%v, %w", best, err)
				}
				served.Add(1)
			}
		})
	}()
	for served.Load() < 20 {
		time.Sleep(time.Millisecond)
	}
	ok(t, r.Close())
	ok(t, <-done)
	if state := r.h.state.Load(); state != destroyedState {
		t.Errorf("the recommender is in state %x after the last call", state)
	}
	other := must(NewRecommender(model, nil)) // a filter is of no one recommender
	defer other.Close()
	must(other.Recommend([]int32{1}, 4, &RecommendOptions{Filter: filter}))
	ok(t, filter.Close())
}
