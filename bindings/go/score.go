// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge.h"
import "C"

// ScorerOptions are about the working memory of scoring; zero values are the defaults.
type ScorerOptions struct {
	Scan Scan
	// Limit is how many calls score at one time, each with working memory of its own; other calls
	// wait for one of them. Default: GOMAXPROCS.
	Limit int
}

// SetScorers chooses how the model is scored from now on and frees what was held for it.
// Error: ErrArgument.
func (m *Model) SetScorers(options ScorerOptions) error {
	if options.Limit < 0 {
		return argumentError("Limit is %d, must not be negative", options.Limit)
	}
	if options.Scan < ScanAuto || options.Scan > ScanInt8 {
		return argumentError("Scan is %d, must be %d..%d", options.Scan, ScanAuto, ScanInt8)
	}
	return m.write(func(*C.s3rec_model) error {
		m.inside.scan = options.Scan
		if options.Limit > 0 {
			m.inside.scorers.start(options.Limit)
		}
		return nil
	})
}

// FreeScorers frees the working memory of scoring, which comes again with the next call.
func (m *Model) FreeScorers() error {
	return m.write(func(*C.s3rec_model) error { return nil })
}

// serve calls with the model's own Recommender, which the first call makes.
func (m *Model) serve(call func(*Recommender) error) error {
	return m.read(func(*C.s3rec_model) error {
		recommender := m.inside.recommender.Load()
		if recommender == nil {
			var err error
			if recommender, err = m.makeRecommender(); err != nil {
				return err
			}
		}
		return call(recommender)
	})
}

func (m *Model) makeRecommender() (*Recommender, error) {
	m.inside.making.Lock()
	defer m.inside.making.Unlock()
	if made := m.inside.recommender.Load(); made != nil { // another call was faster
		return made, nil
	}
	made, err := m.newRecommender(&RecommenderOptions{Scan: m.inside.scan,
		Limit: m.inside.scorers.limit})
	if err == nil {
		m.inside.recommender.Store(made)
	}
	return made, err
}

// score calls with a scorer of the model.
func (m *Model) score(call func(*C.s3rec_scorer) error) error {
	return m.read(func(model *C.s3rec_model) error {
		scorer := m.inside.scorers.take()
		var err error
		if scorer == nil {
			scorer, err = makeScorer(model)
		}
		defer m.inside.scorers.give(scorer)
		if err != nil {
			return err
		}
		return call(scorer)
	})
}

func makeScorer(model *C.s3rec_model) (scorer *C.s3rec_scorer, err error) {
	var options C.s3rec_scorer_options
	C.s3rec_scorer_options_init(&options)
	options.scan = C.S3REC_SCAN_F32 // nothing is searched with it
	err = failure(func() status { return C.s3rec_scorer_create_with(model, &options, &scorer) })
	return scorer, err
}

// Recommend gives the k best next items of a history; see Recommender.Recommend. Error: ErrState
// too (the model has a trainer: take a Clone).
func (m *Model) Recommend(history []int32, k int, options *RecommendOptions) ([]Recommendation,
	error) {
	return m.AppendRecommend(nil, history, k, options)
}

// AppendRecommend appends to a slice what Recommend gives. It allocates nothing when the slice
// has room. After an error the slice is as it was.
func (m *Model) AppendRecommend(best []Recommendation, history []int32, k int,
	options *RecommendOptions) ([]Recommendation, error) {
	err := m.serve(func(r *Recommender) (err error) {
		best, err = r.AppendRecommend(best, history, k, options)
		return err
	})
	return best, err
}

// RecommendNames is Recommend by names; see Recommender.RecommendNames.
func (m *Model) RecommendNames(history []string, k int, options *RecommendOptions) (
	[]NamedRecommendation, error) {
	return m.AppendRecommendNames(nil, history, k, options)
}

// AppendRecommendNames appends to a slice what RecommendNames gives.
func (m *Model) AppendRecommendNames(best []NamedRecommendation, history []string, k int,
	options *RecommendOptions) ([]NamedRecommendation, error) {
	err := m.serve(func(r *Recommender) (err error) {
		best, err = r.AppendRecommendNames(best, history, k, options)
		return err
	})
	return best, err
}

// RecommendIDs is Recommend by names that are integers; see Recommender.RecommendIDs.
func (m *Model) RecommendIDs(history []int64, k int, options *RecommendOptions) (
	[]IDRecommendation, error) {
	return m.AppendRecommendIDs(nil, history, k, options)
}

// AppendRecommendIDs appends to a slice what RecommendIDs gives.
func (m *Model) AppendRecommendIDs(best []IDRecommendation, history []int64, k int,
	options *RecommendOptions) ([]IDRecommendation, error) {
	err := m.serve(func(r *Recommender) (err error) {
		best, err = r.AppendRecommendIDs(best, history, k, options)
		return err
	})
	return best, err
}

// RecommendBatch is Recommend for many users; see Recommender.RecommendBatch.
func (m *Model) RecommendBatch(histories [][]int32, k int, options *RecommendOptions) (
	best [][]Recommendation, err error) {
	err = m.serve(func(r *Recommender) error {
		best, err = r.RecommendBatch(histories, k, options)
		return err
	})
	return best, err
}

// NewFilter prepares a filter; see Recommender.NewFilter.
func (m *Model) NewFilter(options FilterOptions) (filter *Filter, err error) {
	err = m.serve(func(r *Recommender) error {
		filter, err = r.NewFilter(options)
		return err
	})
	return filter, err
}

// UserVector encodes a history: its inner product with an item's vector is the item's score.
// Error: ErrArgument (nothing in the history that the model knows).
func (m *Model) UserVector(history []int32) ([]float32, error) {
	return m.AppendUserVector(nil, history)
}

// AppendUserVector appends to a slice what UserVector gives.
func (m *Model) AppendUserVector(vector []float32, history []int32) ([]float32, error) {
	before := len(vector)
	err := m.score(func(scorer *C.s3rec_scorer) error {
		vector = append(vector, make([]float32, m.inside.hidden)...)
		values := vector[before:]
		return failure(func() status {
			return C.s3rec_user_vector(scorer, int32s(history), C.size_t(len(history)),
				floats(values), C.size_t(len(values)))
		})
	})
	if err != nil {
		return vector[:before], err
	}
	return vector, nil
}

// UserVectors encodes many histories, a row for each.
func (m *Model) UserVectors(histories [][]int32) (Matrix, error) {
	var values []float32
	for _, history := range histories {
		var err error
		if values, err = m.AppendUserVector(values, history); err != nil {
			return Matrix{}, err
		}
	}
	if len(histories) == 0 {
		return Matrix{}, nil
	}
	return Matrix{len(histories), len(values) / len(histories), values}, nil
}

// ScoreAll gives the score of every row of the item table, the padding (first) and the mask
// (last) included, nothing left out. Error: ErrArgument (nothing in the history that the
// model knows).
func (m *Model) ScoreAll(history []int32) (scores []float32, err error) {
	err = m.score(func(scorer *C.s3rec_scorer) error {
		scores = make([]float32, m.inside.items+2)
		return failure(func() status {
			return C.s3rec_score_all(scorer, int32s(history), C.size_t(len(history)),
				floats(scores), C.size_t(len(scores)))
		})
	})
	if err != nil {
		return nil, err
	}
	return scores, nil
}

// Attention says which positions see which.
type Attention int32

// The kinds of attention.
const (
	Causal        Attention = C.S3REC_ATTENTION_CAUSAL        // fine-tuning and scoring
	Bidirectional Attention = C.S3REC_ATTENTION_BIDIRECTIONAL // pretraining
)

// Encode gives the encoder's output at every position: rows of equal length, 0 = padding on
// the left, with a row of the result for each position (zeros at padding). Errors:
// ErrArgument, ErrFormat, ErrMemory, ErrEngine.
func (m *Model) Encode(attention Attention, rows [][]int32) (hidden Matrix, err error) {
	if len(rows) == 0 {
		return hidden, nil
	}
	length := len(rows[0])
	for i, row := range rows {
		if len(row) != length {
			return hidden, argumentError("row %d has %d positions, must have %d as the first", i,
				len(row), length)
		}
	}
	ids, _ := flatten(nil, nil, rows)
	err = m.score(func(scorer *C.s3rec_scorer) error {
		hidden = Matrix{len(ids), m.inside.hidden, make([]float32, len(ids)*m.inside.hidden)}
		return failure(func() status {
			return C.s3rec_encode(scorer, C.s3rec_attention(attention), int32s(ids),
				C.size_t(len(rows)), C.size_t(length), floats(hidden.Values))
		})
	})
	if err != nil {
		return Matrix{}, err
	}
	return hidden, nil
}
