// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge.h"
import "C"

// Split says which held-out item of each user is the answer to predict.
type Split int32

// The splits.
const (
	SplitValid Split = C.S3REC_SPLIT_VALID // the last but one
	SplitTest  Split = C.S3REC_SPLIT_TEST  // the last
)

// Protocol says which items the answer is ranked among.
type Protocol int32

// The protocols.
const (
	ProtocolFull    Protocol = C.S3REC_PROTOCOL_FULL    // all items
	ProtocolSampled Protocol = C.S3REC_PROTOCOL_SAMPLED // the user's negatives
)

// SeenPolicy says what happens to the items of a user's history in the ranking of the full
// protocol.
type SeenPolicy int32

// The policies.
const (
	SeenExclude SeenPolicy = C.S3REC_SEEN_EXCLUDE // they are left out of the ranking
	SeenZero    SeenPolicy = C.S3REC_SEEN_ZERO    // the authors' way: their score becomes 0
	SeenInclude SeenPolicy = C.S3REC_SEEN_INCLUDE // they are ranked like all items
)

// EvaluateOptions say how to measure; zero values are the defaults.
type EvaluateOptions struct {
	Split    Split      // default SplitTest
	Protocol Protocol   // default ProtocolFull
	Seen     SeenPolicy // default SeenExclude
}

// Metrics are means over the evaluated users, with how they were measured.
type Metrics struct {
	Split    Split
	Protocol Protocol
	Seen     SeenPolicy
	Users    int        // number of evaluated users
	Skipped  int        // number of users whose sequence is too short for the split
	HitRate  [4]float64 // HR@1, 5, 10, 20
	NDCG     [3]float64 // NDCG@5, 10, 20
	MRR      float64    // mean reciprocal rank
}

// Metric is one figure of Metrics.
type Metric int32

// The metrics.
const (
	MetricHR1    Metric = C.S3REC_METRIC_HR_1
	MetricHR5    Metric = C.S3REC_METRIC_HR_5
	MetricHR10   Metric = C.S3REC_METRIC_HR_10
	MetricHR20   Metric = C.S3REC_METRIC_HR_20
	MetricNDCG5  Metric = C.S3REC_METRIC_NDCG_5
	MetricNDCG10 Metric = C.S3REC_METRIC_NDCG_10
	MetricNDCG20 Metric = C.S3REC_METRIC_NDCG_20
	MetricMRR    Metric = C.S3REC_METRIC_MRR
)

func metricsOf(m *C.s3rec_metrics) Metrics {
	metrics := Metrics{Split: Split(m.split), Protocol: Protocol(m.protocol),
		Seen: SeenPolicy(m.seen), Users: int(m.user_count), Skipped: int(m.skipped_count),
		MRR: float64(m.mrr)}
	for i := range metrics.HitRate {
		metrics.HitRate[i] = float64(m.hit_rate[i])
	}
	for i := range metrics.NDCG {
		metrics.NDCG[i] = float64(m.ndcg[i])
	}
	return metrics
}

// Evaluate measures the model by leave-one-out, on the Context's threads. options may be
// nil. Errors: ErrArgument (also sampled without negatives), ErrMemory; ErrState (the model
// has a trainer); ErrMismatch (items that the model does not have); ErrEngine, ErrThread.
func (m *Model) Evaluate(data *Dataset, options *EvaluateOptions) (Metrics, error) {
	return m.evaluate(data, options, nil)
}

// RankExcluded is the rank of an answer that is also in the user's history, where SeenExclude left
// it out of the ranking: a miss.
const RankExcluded int64 = C.S3REC_RANK_EXCLUDED

// EvaluateRanks is Evaluate and also gives the rank of each user's answer, from 0. The rank is -1
// for a skipped user, and RankExcluded where the seen policy left the answer out.
func (m *Model) EvaluateRanks(data *Dataset, options *EvaluateOptions) (Metrics, []int64,
	error) {
	info, err := data.Info()
	if err != nil {
		return Metrics{}, nil, err
	}
	ranks := make([]int64, info.Users)
	metrics, err := m.evaluate(data, options, ranks)
	if err != nil {
		return Metrics{}, nil, err
	}
	return metrics, ranks, nil
}

func (m *Model) evaluate(data *Dataset, options *EvaluateOptions, ranks []int64) (Metrics,
	error) {
	if options == nil {
		options = &EvaluateOptions{}
	}
	var filled C.s3rec_evaluate_options
	C.s3rec_evaluate_options_init(&filled)
	if options.Split != 0 {
		filled.split = C.s3rec_split(options.Split)
	}
	if options.Protocol != 0 {
		filled.protocol = C.s3rec_protocol(options.Protocol)
	}
	if options.Seen != 0 {
		filled.seen = C.s3rec_seen_policy(options.Seen)
	}
	var measured C.s3rec_metrics
	C.s3rec_metrics_init(&measured)
	err := m.read(func(model *C.s3rec_model) error {
		return data.use(checked(func(dataset *C.s3rec_dataset) status {
			return C.s3rec_evaluate(model, dataset, &filled, &measured, int64s(ranks))
		}))
	})
	return metricsOf(&measured), err
}
