// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge.h"
import "C"

// UserVector encodes a history: its inner product with an item's vector is the item's score.
// Error: ErrArgument (nothing in the history that the model knows).
func (m *Model) UserVector(history []int32) ([]float32, error) {
	return m.AppendUserVector(nil, history)
}

// AppendUserVector appends to a slice what UserVector gives.
func (m *Model) AppendUserVector(vector []float32, history []int32) ([]float32, error) {
	err := m.score(func(s *scorer) error {
		size := m.inside.hidden
		s.scores = grown(s.scores, size)
		result := C.s3go_user_vector(s.pointer, int32s(history), C.size_t(len(history)),
			floats(s.scores), C.size_t(size))
		if err := failure(result); err != nil {
			return err
		}
		vector = append(vector, s.scores...)
		return nil
	})
	return vector, err
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
	err = m.score(func(s *scorer) error {
		values := make([]float32, m.inside.items+2)
		result := C.s3go_score_all(s.pointer, int32s(history), C.size_t(len(history)),
			floats(values), C.size_t(len(values)))
		if err := failure(result); err != nil {
			return err
		}
		scores = values
		return nil
	})
	return scores, err
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
	err = m.score(func(s *scorer) error {
		values := make([]float32, len(ids)*m.inside.hidden)
		result := C.s3go_encode(s.pointer, C.int32_t(attention), int32s(ids),
			C.size_t(len(rows)), C.size_t(length), floats(values))
		if err := failure(result); err != nil {
			return err
		}
		hidden = Matrix{len(ids), m.inside.hidden, values}
		return nil
	})
	return hidden, err
}
