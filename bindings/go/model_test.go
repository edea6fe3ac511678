// SPDX-License-Identifier: Apache-2.0

package s3rec

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestModelFiles(t *testing.T) {
	model := fixtureModel(t)
	path := filepath.Join(t.TempDir(), "model.safetensors")
	ok(t, model.Save(path))
	history := []int32{3, 9, 4}
	want := must(model.Recommend(history, 5, nil))
	clone := must(model.Clone())
	loaded := must(LoadModel(nil, path, nil))
	mapped := must(MapModel(nil, path, nil))
	for name, other := range map[string]*Model{"clone": clone, "loaded": loaded,
		"mapped": mapped} {
		if got := must(other.Recommend(history, 5, nil)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v instead of %v", name, got, want)
		}
		if must(other.Config()) != must(model.Config()) {
			t.Errorf("%s: %+v", name, must(other.Config()))
		}
		ok(t, other.Close())
	}
	if model.Memory() == 0 {
		t.Error("the model needs no memory")
	}
	ok(t, os.Truncate(path, 100))
	wants(t, errorOf(LoadModel(nil, path, nil)), ErrFormat)
	wants(t, errorOf(MapModel(nil, "a\x00b", nil)), ErrArgument)
	wants(t, errorOf(LoadModel(nil, path, &ModelOptions{ItemSize: 1 << 40})), ErrArgument)
	wants(t, model.Save("a\x00b"), ErrArgument)
}

func TestModelOptions(t *testing.T) {
	config := must(must(NewModel(nil, ModelOptions{ItemSize: 9})).Config())
	want := ModelConfig{9, 1, 50, 64, 2, 2, GELU, 0.5, 0.5, 0.02}
	if config != want {
		t.Errorf("defaults %+v instead of %+v", config, want)
	}
	want = ModelConfig{9, 3, 7, 12, 1, 3, Swish, 0, 0.25, 0}
	if got := must(must(NewModel(nil, want.Options())).Config()); got != want {
		t.Errorf("%+v instead of %+v", got, want)
	}
	weights := func(seed *uint64) []float32 {
		model := must(NewModel(nil, ModelOptions{ItemSize: 9, Seed: seed}))
		defer model.Close()
		return must(model.ItemVectors()).Values
	}
	if !reflect.DeepEqual(weights(nil), weights(Ptr(uint64(42)))) ||
		reflect.DeepEqual(weights(nil), weights(Ptr(uint64(0)))) {
		t.Error("the seed is not 42 by default, or 0 is not another")
	}
	for name, bad := range map[string]ModelOptions{
		"no items":    {},
		"few items":   {ItemSize: 2},
		"many items":  {ItemSize: math.MaxInt32 + 1},
		"length":      {ItemSize: 9, MaxSeqLength: 5000},
		"heads":       {ItemSize: 9, AttentionHeads: 7},
		"activation":  {ItemSize: 9, Activation: 9},
		"dropout":     {ItemSize: 9, HiddenDropout: Ptr(1.0)},
		"not finite":  {ItemSize: 9, InitializerRange: Ptr(math.NaN())},
		"below":       {ItemSize: 9, HiddenLayers: -1},
		"far below":   {ItemSize: 9, HiddenSize: math.MinInt},
		"attributes":  {ItemSize: 9, AttributeSize: -1},
		"no such set": {ItemSize: 9, AttentionDropout: Ptr(math.Inf(1))},
	} {
		bad := bad
		t.Run(name, func(t *testing.T) { wants(t, errorOf(NewModel(nil, bad)), ErrArgument) })
	}
}

func TestParameters(t *testing.T) {
	model := fixtureModel(t)
	parameters := must(model.Parameters())
	if len(parameters) < 20 || parameters[0].Len() == 0 {
		t.Fatalf("%v", parameters)
	}
	for _, p := range parameters {
		values := must(model.ReadParameter(p.Name))
		if len(values) != p.Len() {
			t.Errorf("%s: %d values, shape %v", p.Name, len(values), p.Shape)
		}
		for i := range values {
			values[i] = float32(i%7) / 8
		}
		ok(t, model.WriteParameter(p.Name, values))
		if !reflect.DeepEqual(must(model.ReadParameter(p.Name)), values) {
			t.Errorf("%s: other values than those written", p.Name)
		}
		wants(t, model.WriteParameter(p.Name, values[1:]), ErrArgument)
	}
	wants(t, errorOf(model.ReadParameter("nobody")), ErrNotFound)
	wants(t, errorOf(model.ReadParameter("a\x00")), ErrArgument)
	wants(t, model.WriteParameter("nobody", []float32{1}), ErrNotFound)
	wants(t, model.WriteParameter(parameters[0].Name, nil), ErrArgument)
}

func TestCopyWeights(t *testing.T) {
	model := fixtureModel(t)
	other := must(NewModel(nil, ModelOptions{ItemSize: fixtureItems + 2, AttributeSize: 8,
		HiddenSize: 16, MaxSeqLength: 12, Seed: Ptr(uint64(1))}))
	defer other.Close()
	must(other.Recommend([]int32{1}, 1, nil)) // an idle scorer stands in no one's way
	ok(t, other.CopyWeights(model))
	ok(t, other.CopyWeights(other))
	if !reflect.DeepEqual(must(other.ItemVectors()), must(model.ItemVectors())) {
		t.Error("other weights than those copied")
	}
	small := must(NewModel(nil, ModelOptions{ItemSize: 9}))
	defer small.Close()
	wants(t, small.CopyWeights(model), ErrMismatch)
}

func TestContexts(t *testing.T) {
	c := must(NewContext(&ContextOptions{Threads: 2, Kernels: KernelsBaseline,
		Backend: BackendOneDNN}))
	defer c.Close()
	if c.Kernels() != KernelsBaseline || c.Backend() != BackendOneDNN {
		t.Errorf("kernels %d, backend %d", c.Kernels(), c.Backend())
	}
	var none *Context
	if none.Kernels() == KernelsAuto || none.Backend() != BackendFused || none.Close() != nil {
		t.Error("a nil context has no defaults")
	}
	for _, bad := range []ContextOptions{{Threads: 257}, {Threads: -1}, {Threads: 1 << 40},
		{Kernels: 9}, {Backend: -1}} {
		bad := bad
		wants(t, errorOf(NewContext(&bad)), ErrArgument)
	}
	if !strings.HasPrefix(Version(), "0.") || !strings.Contains(BuildInfo(), Version()) {
		t.Errorf("version %q, build %q", Version(), BuildInfo())
	}
}
