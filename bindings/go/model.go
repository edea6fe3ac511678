// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge.h"
import "C"

import (
	"sync"
	"unsafe"
)

// Model is configuration and weights. Any number of goroutines may call any of its methods:
// those that read run side by side, those that write wait until they have it for themselves.
type Model struct {
	h      *handle
	inside *modelState
}

// modelState is what goes with the C model and lives as long.
type modelState struct {
	access  sync.RWMutex // read: score, save, look; write: change
	scorers scorerPool
	items   int // that can be recommended
	hidden  int // floats of a vector
	names   itemNames
}

func newModel(pointer unsafe.Pointer, root *root) *Model {
	var config C.s3rec_model_config
	C.s3go_model_config((*C.s3rec_model)(pointer), &config)
	inside := &modelState{items: int(config.item_size) - 2, hidden: int(config.hidden_size)}
	inside.scorers.start()
	inside.names.take((*C.s3rec_model)(pointer))
	h := newHandle("model", pointer, root, func(pointer unsafe.Pointer) {
		inside.scorers.drain()
		inside.names.drop()
		C.s3rec_model_destroy((*C.s3rec_model)(pointer))
	})
	return &Model{h, inside}
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

// write calls with the C model while nobody else uses it, and without scorers, which the
// library would not change it under.
func (m *Model) write(call func(*C.s3rec_model) error) error {
	if err := m.acquire(); err != nil {
		return err
	}
	defer m.h.release()
	m.inside.access.Lock()
	defer m.inside.access.Unlock()
	m.inside.scorers.drain()
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
		result := C.s3go_model_create(context, &config, seedOf(options.Seed))
		if err := failure(result); err != nil {
			return err
		}
		model = newModel(result.handle, root)
		return nil
	})
	return model, err
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
	var how C.int32_t
	if mapped {
		how = 1
	}
	err = withContext(c, func(context *C.s3rec_context, root *root) error {
		result := C.s3go_model_open(context, name, config, how)
		if err := failure(result); err != nil {
			return err
		}
		model = newModel(result.handle, root)
		return nil
	})
	return model, err
}

// Save writes a model file: at every moment there is the old or the new one, whole. Errors:
// ErrArgument, ErrMemory, ErrIO; ErrNumeric (a weight is NaN or infinite).
func (m *Model) Save(path string) (err error) {
	name := text(&err, "path", path, false)
	defer freeText(name)
	if err != nil {
		return err
	}
	return m.read(func(model *C.s3rec_model) error {
		return failure(C.s3go_model_save(model, name))
	})
}

// Clone gives a copy of its own, for instance to serve while training goes on.
func (m *Model) Clone() (clone *Model, err error) {
	err = m.read(func(model *C.s3rec_model) error {
		result := C.s3go_model_clone(model)
		if err := failure(result); err != nil {
			return err
		}
		clone = newModel(result.handle, m.h.root)
		return nil
	})
	return clone, err
}

// Config says what the model is like.
func (m *Model) Config() (config ModelConfig, err error) {
	err = m.read(func(model *C.s3rec_model) error {
		var c C.s3rec_model_config
		if err := failure(C.s3go_model_config(model, &c)); err != nil {
			return err
		}
		config = ModelConfig{int(c.item_size), int(c.attribute_size), int(c.max_seq_length),
			int(c.hidden_size), int(c.num_hidden_layers), int(c.num_attention_heads),
			Activation(c.hidden_act), float64(c.hidden_dropout_prob),
			float64(c.attention_probs_dropout_prob), float64(c.initializer_range)}
		return nil
	})
	return config, err
}

// SetDropouts sets the dropouts of later training, 0..0.99. Errors: ErrArgument; ErrState
// (the model has a trainer).
func (m *Model) SetDropouts(hidden, attention float64) error {
	return m.write(func(model *C.s3rec_model) error {
		return failure(C.s3go_model_set_dropouts(model, C.double(hidden), C.double(attention)))
	})
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
	return m.write(func(model *C.s3rec_model) error {
		return failure(C.s3go_model_copy_weights(model, (*C.s3rec_model)(taken.h.pointer)))
	})
}

// Memory gives the bytes of the weights and of what scoring made of them; 0 when closed.
func (m *Model) Memory() (bytes uint64) {
	_ = m.read(func(model *C.s3rec_model) error {
		bytes = uint64(C.s3rec_model_memory(model))
		return nil
	})
	return bytes
}
