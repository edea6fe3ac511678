// SPDX-License-Identifier: Apache-2.0

package s3rec

import (
	"path/filepath"
	"testing"

	"libs3rec/go/s3rec/internal/loop"
)

// Beauty's size: 12,101 items.
func benchmarkModel(b *testing.B) (*Model, []int32) {
	model := must(NewModel(nil, ModelOptions{ItemSize: 12103}))
	b.Cleanup(func() { model.Close() })
	return model, []int32{17, 4021, 11999, 3, 801, 77, 5000}
}

func BenchmarkRecommend(b *testing.B) {
	model, history := benchmarkModel(b)
	best := must(model.Recommend(history, 20, nil))
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		best, _ = model.AppendRecommend(best[:0], history, 20, nil)
	}
}

func BenchmarkRecommendInC(b *testing.B) {
	model, history := benchmarkModel(b)
	loopInC(b, model, history, 20)
}

func loopInC(b *testing.B, model *Model, history []int32, k int) {
	b.Helper()
	path := filepath.Join(b.TempDir(), "model")
	ok(b, model.Save(path))
	c := loop.New(path)
	defer c.Close()
	ok(b, c.Recommend(history, k, 1))
	b.ResetTimer()
	ok(b, c.Recommend(history, k, b.N))
}

func BenchmarkRecommendParallel(b *testing.B) {
	model, history := benchmarkModel(b)
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		var best []Recommendation
		for p.Next() {
			best, _ = model.AppendRecommend(best[:0], history, 20, nil)
		}
	})
}

func BenchmarkRecommendNames(b *testing.B) {
	model, history := benchmarkModel(b)
	names := must(NewVocabulary(nil, 1, Integers(sequence(12101))))
	ok(b, model.SetNames(names, nil))
	var called []string
	for _, item := range history {
		called = append(called, must(names.Name(item)))
	}
	best := must(model.RecommendNames(called, 20, nil))
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		best, _ = model.AppendRecommendNames(best[:0], called, 20, nil)
	}
}

func BenchmarkRecommendBatch(b *testing.B) {
	model, history := benchmarkModel(b)
	histories := make([][]int32, 256)
	for user := range histories {
		histories[user] = history
	}
	b.ResetTimer()
	for i := 0; i < b.N; i += len(histories) {
		must(model.RecommendBatch(histories, 20, nil))
	}
}

// A filter that leaves out a tenth of the items, prepared once.
func BenchmarkRecommendFiltered(b *testing.B) {
	model, history := benchmarkModel(b)
	var denied []int32
	for item := int32(1); item < 12102; item += 10 {
		denied = append(denied, item)
	}
	filter := must(model.NewFilter(FilterOptions{Denied: denied}))
	defer filter.Close()
	options := &RecommendOptions{Filter: filter}
	best := must(model.Recommend(history, 20, options))
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		best, _ = model.AppendRecommend(best[:0], history, 20, options)
	}
}

// The smallest model: what a call costs beside the work.
func leastModel() *Model {
	return must(NewModel(nil, ModelOptions{ItemSize: 3, HiddenSize: 1, AttentionHeads: 1,
		HiddenLayers: 1, MaxSeqLength: 1}))
}

func BenchmarkRecommendLeast(b *testing.B) {
	model, history := leastModel(), []int32{1}
	defer model.Close()
	var best []Recommendation
	b.ReportAllocs()
	for i := 0; i < b.N; i++ {
		best, _ = model.AppendRecommend(best[:0], history, 1, nil)
	}
}

func BenchmarkRecommendLeastInC(b *testing.B) {
	model := leastModel()
	defer model.Close()
	loopInC(b, model, []int32{1}, 1)
}
