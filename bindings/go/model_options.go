// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge.h"
import "C"

// Activation is the function between the two feed-forward layers.
type Activation int32

// The activations.
const (
	GELU  Activation = C.S3REC_GELU
	ReLU  Activation = C.S3REC_RELU
	Swish Activation = C.S3REC_SWISH
)

// ModelOptions are what a new model is like; zero values are the defaults.
type ModelOptions struct {
	ItemSize         int        // largest item id + 2, at least 3; no default but the data set's
	AttributeSize    int        // largest attribute id + 1; default 1, or the data set's
	MaxSeqLength     int        // 1..4096; default 50
	HiddenSize       int        // 1..4096, a multiple of the heads; default 64
	HiddenLayers     int        // 1..64; default 2
	AttentionHeads   int        // default 2
	Activation       Activation // default GELU
	HiddenDropout    *float64   // 0..0.99, of training; default 0.5
	AttentionDropout *float64   // likewise
	InitializerRange *float64   // 0..10, standard deviation of fresh weights; default 0.02
	Seed             *uint64    // of fresh weights; default 42
}

// ModelConfig is what a model is like.
type ModelConfig struct {
	ItemSize         int // largest item id + 2: the padding, the items, the mask
	AttributeSize    int
	MaxSeqLength     int
	HiddenSize       int
	HiddenLayers     int
	AttentionHeads   int
	Activation       Activation
	HiddenDropout    float64
	AttentionDropout float64
	InitializerRange float64
}

// Options gives options for a model of the same configuration.
func (c ModelConfig) Options() ModelOptions {
	return ModelOptions{c.ItemSize, c.AttributeSize, c.MaxSeqLength, c.HiddenSize,
		c.HiddenLayers, c.AttentionHeads, c.Activation, &c.HiddenDropout, &c.AttentionDropout,
		&c.InitializerRange, nil}
}

// config is the C form of options.
func (o *ModelOptions) config() (config C.s3rec_model_config, err error) {
	C.s3go_model_config_init(&config)
	set := func(field *C.int32_t, name string, value int) {
		if value != 0 {
			*field = narrow(&err, name, value)
		}
	}
	set(&config.item_size, "ItemSize", o.ItemSize)
	set(&config.attribute_size, "AttributeSize", o.AttributeSize)
	set(&config.max_seq_length, "MaxSeqLength", o.MaxSeqLength)
	set(&config.hidden_size, "HiddenSize", o.HiddenSize)
	set(&config.num_hidden_layers, "HiddenLayers", o.HiddenLayers)
	set(&config.num_attention_heads, "AttentionHeads", o.AttentionHeads)
	if o.Activation != 0 {
		config.hidden_act = C.s3rec_activation(o.Activation)
	}
	setDouble(&config.hidden_dropout_prob, o.HiddenDropout)
	setDouble(&config.attention_probs_dropout_prob, o.AttentionDropout)
	setDouble(&config.initializer_range, o.InitializerRange)
	return config, err
}

func setDouble(field *C.double, value *float64) {
	if value != nil {
		*field = C.double(*value)
	}
}

func seedOf(seed *uint64) C.uint64_t {
	if seed == nil {
		return 42
	}
	return C.uint64_t(*seed)
}
