// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge.h"
import "C"

import (
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"
)

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
	C.s3rec_model_config_init(&config)
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

// Model is configuration and weights. Any number of goroutines may call any of its methods:
// those that read run side by side, those that write wait until they have it for themselves.
type Model struct {
	h      *handle
	inside *modelState
}

// modelState is what goes with the C model and lives as long.
type modelState struct {
	access  sync.RWMutex // read: score, save, look; write: change
	lent    bool         // of a Recommender, which may serve it: nothing writes it
	scorers pool[*C.s3rec_scorer]
	scan    Scan
	items   int // that can be recommended
	hidden  int // floats of a vector

	recommender atomic.Pointer[Recommender] // nil until it is asked, and after a write
	making      sync.Mutex                  // held while it is made
}

func newModel(made *C.s3rec_model, root *root) *Model {
	var config C.s3rec_model_config
	C.s3rec_model_config_init(&config)
	C.s3rec_model_config_get(made, &config)
	inside := &modelState{items: int(config.item_size) - 2, hidden: int(config.hidden_size)}
	inside.scorers.start(runtime.GOMAXPROCS(0))
	h := newHandle("model", unsafe.Pointer(made), root, func(pointer unsafe.Pointer) {
		inside.rest()
		C.s3rec_model_destroy((*C.s3rec_model)(pointer))
	})
	return &Model{h, inside}
}

// madeModel makes a model by a call of the library.
func madeModel(root *root, create func(**C.s3rec_model) status) (*Model, error) {
	var made *C.s3rec_model
	if err := failure(func() status { return create(&made) }); err != nil {
		return nil, err
	}
	return newModel(made, root), nil
}

// rest frees what scoring needs and nobody uses now.
func (inside *modelState) rest() {
	for _, idle := range inside.scorers.drain() {
		C.s3rec_scorer_destroy(idle)
	}
	inside.recommender.Swap(nil).Close()
}

// acquire keeps the C model until m.h.release, whether m is nil, closed or fine.
func (m *Model) acquire() error {
	if m == nil {
		return closedError("model")
	}
	return m.h.acquire("model")
}

// read calls with the C model while nobody writes it.
func (m *Model) read(call func(*C.s3rec_model) error) error {
	if err := m.acquire(); err != nil {
		return err
	}
	defer m.h.release()
	m.inside.access.RLock()
	defer m.inside.access.RUnlock()
	return call((*C.s3rec_model)(m.h.pointer))
}

// write calls with the C model while nobody else uses it, and without scorers: as long as there
// are some, the library does not change it.
func (m *Model) write(call func(*C.s3rec_model) error) error {
	if err := m.acquire(); err != nil {
		return err
	}
	defer m.h.release()
	if m.inside.lent {
		return &Error{ErrState, "the model is a recommender's: change a Clone"}
	}
	m.inside.access.Lock()
	defer m.inside.access.Unlock()
	m.inside.rest()
	return call((*C.s3rec_model)(m.h.pointer))
}

// Close lets the model go; calls that run end well, and trainers and runs stay usable. It
// may be called again.
func (m *Model) Close() error {
	if m != nil {
		m.h.close()
	}
	return nil
}

// NewModel makes a model with fresh weights. Errors: ErrArgument (names the field and its
// range), ErrMemory.
func NewModel(c *Context, options ModelOptions) (model *Model, err error) {
	config, err := options.config()
	if err != nil {
		return nil, err
	}
	err = withContext(c, func(context *C.s3rec_context, root *root) error {
		model, err = madeModel(root, func(made **C.s3rec_model) status {
			return C.s3rec_model_create(context, &config, seedOf(options.Seed), made)
		})
		return err
	})
	return model, err
}

// NewModelFor makes a model for a data set, from which it takes the sizes that options leave
// at 0 and the names. Errors: those of NewModel.
func NewModelFor(c *Context, data *Dataset, options ModelOptions) (*Model, error) {
	info, err := data.Info()
	if err != nil {
		return nil, err
	}
	if options.ItemSize == 0 {
		options.ItemSize = info.ItemSize
	}
	if options.AttributeSize == 0 {
		options.AttributeSize = info.AttributeSize
	}
	model, err := NewModel(c, options)
	if err != nil {
		return nil, err
	}
	if err := model.takeNames(data, options, info); err != nil {
		model.Close()
		return nil, err
	}
	return model, nil
}

// takeNames names what the data set has names for, where the sizes are its.
func (m *Model) takeNames(data *Dataset, options ModelOptions, info DatasetInfo) error {
	var items, attributes *Vocabulary
	var err error
	if options.ItemSize == info.ItemSize {
		if items, err = data.ItemNames(); err != nil {
			return err
		}
		defer items.Close()
	}
	if options.AttributeSize == info.AttributeSize {
		if attributes, err = data.AttributeNames(); err != nil {
			return err
		}
		defer attributes.Close()
	}
	if items == nil && attributes == nil {
		return nil
	}
	return m.SetNames(items, attributes)
}

// LoadModel reads a model file. fallback, which may be nil, says what a file of another
// program does not: heads, activation, dropouts. Errors: ErrArgument, ErrMemory, ErrIO,
// ErrFormat, ErrUnsupported (data types other than F32).
func LoadModel(c *Context, path string, fallback *ModelOptions) (*Model, error) {
	return openModel(c, path, fallback, false)
}

// MapModel is LoadModel with the item table left in the file: it is there at once, and
// processes that map one file share its memory. While the model lives the file must be
// neither cut short nor written in place; renaming another over it, as Save does, is fine.
func MapModel(c *Context, path string, fallback *ModelOptions) (*Model, error) {
	return openModel(c, path, fallback, true)
}

func openModel(c *Context, path string, fallback *ModelOptions, mapped bool) (model *Model,
	err error) {
	name := text(&err, "path", path, false)
	defer freeText(name)
	var config *C.s3rec_model_config
	if fallback != nil {
		filled, failed := fallback.config()
		if failed != nil {
			return nil, failed
		}
		config = &filled
	}
	if err != nil {
		return nil, err
	}
	err = withContext(c, func(context *C.s3rec_context, root *root) error {
		model, err = madeModel(root, func(made **C.s3rec_model) status {
			if mapped {
				return C.s3rec_model_map(context, name, config, made)
			}
			return C.s3rec_model_load(context, name, config, made)
		})
		return err
	})
	return model, err
}

// Save writes a model file: at every moment there is the old or the new one, whole. Errors:
// ErrArgument, ErrMemory, ErrIO; ErrNumeric (a weight is NaN or infinite).
func (m *Model) Save(path string) error {
	return withText("path", path, func(name *C.char) error {
		return m.read(checked(func(model *C.s3rec_model) status {
			return C.s3rec_model_save(model, name)
		}))
	})
}

// Clone gives a copy of its own, for instance to serve while training goes on.
func (m *Model) Clone() (clone *Model, err error) {
	err = m.read(func(model *C.s3rec_model) error {
		clone, err = madeModel(m.h.root, func(made **C.s3rec_model) status {
			return C.s3rec_model_clone(model, made)
		})
		return err
	})
	return clone, err
}

// Config says what the model is like.
func (m *Model) Config() (ModelConfig, error) {
	var c C.s3rec_model_config
	C.s3rec_model_config_init(&c)
	err := m.read(checked(func(model *C.s3rec_model) status {
		return C.s3rec_model_config_get(model, &c)
	}))
	if err != nil {
		return ModelConfig{}, err
	}
	return ModelConfig{int(c.item_size), int(c.attribute_size), int(c.max_seq_length),
		int(c.hidden_size), int(c.num_hidden_layers), int(c.num_attention_heads),
		Activation(c.hidden_act), float64(c.hidden_dropout_prob),
		float64(c.attention_probs_dropout_prob), float64(c.initializer_range)}, nil
}

// SetDropouts sets the dropouts of later training, 0..0.99. Errors: ErrArgument; ErrState
// (the model has a trainer).
func (m *Model) SetDropouts(hidden, attention float64) error {
	return m.write(checked(func(model *C.s3rec_model) status {
		return C.s3rec_model_set_dropouts(model, C.double(hidden), C.double(attention))
	}))
}

// CopyWeights takes over the weights of a model of the same sizes. Errors: ErrMismatch.
func (m *Model) CopyWeights(source *Model) error {
	if m != nil && source != nil && m.inside == source.inside {
		return nil
	}
	// A copy in between: two models that copy from one another must not wait for each other.
	taken, err := source.Clone()
	if err != nil {
		return err
	}
	defer taken.Close()
	return m.write(checked(func(model *C.s3rec_model) status {
		return C.s3rec_model_copy_weights(model, (*C.s3rec_model)(taken.h.pointer))
	}))
}

// Memory gives the bytes of the weights and of what scoring made of them; 0 when closed.
func (m *Model) Memory() (bytes uint64) {
	_ = m.read(func(model *C.s3rec_model) error {
		bytes = uint64(C.s3rec_model_memory(model))
		return nil
	})
	return bytes
}

// CountPopularity gives the model the popularity of its items in a data set: where a history has
// no item that the model knows, the most popular items are recommended. It is saved with the
// model. Of each user the last heldOut items, 0..2, are not counted. Errors: ErrArgument,
// ErrMemory; ErrMismatch (items that the model does not have).
func (m *Model) CountPopularity(data *Dataset, heldOut int) (err error) {
	last := narrow(&err, "heldOut", heldOut)
	if err != nil {
		return err
	}
	return data.use(func(dataset *C.s3rec_dataset) error {
		return m.write(checked(func(model *C.s3rec_model) status {
			return C.s3rec_model_count_popularity(model, dataset, last)
		}))
	})
}

// SetPopularity is CountPopularity with counts of one's own: events of each item, for all item
// ids from 0 to the mask, whose counts are 0 as the padding's; nil takes them away. Errors:
// ErrArgument, ErrMemory; ErrFormat (a count that may not be there); ErrMismatch (another number
// of counts).
func (m *Model) SetPopularity(counts []int32) error {
	return m.write(checked(func(model *C.s3rec_model) status {
		return C.s3rec_model_set_popularity(model, int32s(counts), C.size_t(len(counts)))
	}))
}

// Popularity copies out what SetPopularity or CountPopularity set. Error: ErrNotFound.
func (m *Model) Popularity() (counts []int32, err error) {
	err = m.read(func(model *C.s3rec_model) error {
		counts = make([]int32, m.inside.items+2)
		return failure(func() status {
			return C.s3rec_model_popularity(model, int32s(counts), C.size_t(len(counts)))
		})
	})
	if err != nil {
		return nil, err
	}
	return counts, nil
}
