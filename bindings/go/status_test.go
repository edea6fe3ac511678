// SPDX-License-Identifier: Apache-2.0

package s3rec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestErrorsAreValues(t *testing.T) {
	_, err := LoadModel(nil, filepath.Join(t.TempDir(), "absent"), nil)
	var detailed *Error
	if !errors.As(err, &detailed) || detailed.Status != ErrIO ||
		!strings.Contains(detailed.Detail, "absent") {
		t.Errorf("%#v", err)
	}
	var status Status
	if !errors.As(fmt.Errorf("wrapped: %w", err), &status) || status != ErrIO {
		t.Errorf("status %v", status)
	}
	if errors.Is(err, ErrFormat) || errors.Is(err, ErrClosed) {
		t.Errorf("%v is of too many kinds", err)
	}
	for status, word := range map[Status]string{ErrNotFound: "not found", ErrIO: "io",
		ErrEngine: "engine", ErrThread: "thread", 0: "ok", 99: "unknown status"} {
		if status.String() != word {
			t.Errorf("status %d is %q, not %q", int(status), status, word)
		}
	}
	if text := (&Error{Status: ErrState}).Error(); text != "s3rec: state" {
		t.Errorf("%q", text)
	}
}

// The detail of a failure is that of its own call, however goroutines and threads mix.
func TestDetailsDoNotMix(t *testing.T) {
	model := fixtureModel(t)
	done := make(chan error)
	for worker := 0; worker < 8; worker++ {
		go func(worker int) {
			name := fmt.Sprintf("worker-%d", worker)
			for i := 0; i < 200; i++ {
				if _, err := LoadModel(nil, name, nil); !strings.Contains(err.Error(), name) {
					done <- fmt.Errorf("%s got %w", name, err)
					return
				}
				if _, err := model.Recommend([]int32{1}, 1, nil); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}(worker)
	}
	for worker := 0; worker < 8; worker++ {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// integerFile writes a model file whose first tensor says that it is integers.
func integerFile(t *testing.T, model *Model) string {
	path := filepath.Join(t.TempDir(), "integers.safetensors")
	ok(t, model.Save(path))
	file := must(os.ReadFile(path))
	ok(t, os.WriteFile(path, bytes.Replace(file, []byte(`"F32"`), []byte(`"I32"`), 1), 0o600))
	return path
}

func TestEveryStatusIsReached(t *testing.T) {
	model, data := fixtureModel(t), fixtureDataset(t)
	small := must(NewModel(nil, ModelOptions{ItemSize: 5, HiddenSize: 16}))
	defer small.Close()
	for _, test := range []struct {
		status Status
		call   func() error
	}{
		{ErrArgument, func() error { return model.SetDropouts(2, 0) }},
		{ErrNotFound, func() error { _, err := data.UserItems(1 << 20); return err }},
		{ErrMemory, func() error {
			_, err := NewModel(nil, ModelOptions{ItemSize: math.MaxInt32, HiddenSize: 4096})
			return err
		}},
		{ErrIO, func() error { return model.Save("/absent/folder/model") }},
		{ErrFormat, func() error {
			_, err := NewDataset(nil, DatasetArrays{Sequences: [][]int32{{1, -4}}})
			return err
		}},
		{ErrMismatch, func() error { _, err := small.Evaluate(data, nil); return err }},
		{ErrState, func() error {
			trainer := must(NewTrainer(small, nil))
			defer trainer.Close()
			_, err := small.Recommend([]int32{1}, 1, nil)
			return err
		}},
		{ErrNumeric, func() error {
			vectors := must(model.ItemVectors())
			vectors.Values[3] = float32(math.NaN())
			return model.WriteParameter("item_embeddings.weight", vectors.Values)
		}},
		{ErrUnsupported, func() error { _, err := LoadModel(nil, integerFile(t, model), nil); return err }},
	} {
		t.Run(test.status.String(), func(t *testing.T) { wants(t, test.call(), test.status) })
	}
	t.Run("engine", func(t *testing.T) { inBrokenProcess(t, "engine") })
	t.Run("thread", func(t *testing.T) { inBrokenProcess(t, "thread") })
}

// What a sound machine does not do: threads that do not start, executable memory that is refused.
// Only calls of libs3rec are answered so, Go's own threads start.
const breakage = `#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
static int broken(const char *what, void *caller) {
  const char *wanted = getenv("S3GO_BREAK");
  Dl_info from;
  return wanted && !strcmp(wanted, what) && dladdr(caller, &from) && from.dli_fname &&
         strstr(from.dli_fname, "libs3rec");
}
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *argument) {
  int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  if (broken("thread", __builtin_return_address(0))) return EAGAIN;
  *(void **)&create = dlsym(RTLD_NEXT, "pthread_create");
  return create(thread, attributes, run, argument);
}
int mprotect(void *memory, size_t size, int protection) {
  int (*protect)(void *, size_t, int);
  if (broken("engine", __builtin_return_address(0))) {
    errno = EACCES;
    return -1;
  }
  *(void **)&protect = dlsym(RTLD_NEXT, "mprotect");
  return protect(memory, size, protection);
}
`

// inBrokenProcess runs this test program anew with a library before all others.
func inBrokenProcess(t *testing.T, what string) {
	compiler, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no cc to break things with")
	}
	folder := t.TempDir()
	source, library := filepath.Join(folder, "break.c"), filepath.Join(folder, "break.so")
	ok(t, os.WriteFile(source, []byte(breakage), 0o600))
	output, err := exec.Command(compiler, "-shared", "-fPIC", "-o", library, source,
		"-ldl").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	command := exec.Command(os.Args[0], "-test.run=^TestInBrokenProcess$", "-test.v")
	command.Env = append(os.Environ(), "LD_PRELOAD="+library, "S3GO_BREAK="+what)
	output, err = command.CombinedOutput()
	if err != nil || !strings.Contains(string(output), "--- PASS: TestInBrokenProcess") {
		t.Fatalf("%v: %s", err, output)
	}
}

// TestInBrokenProcess is the other process; without one it has nothing to do.
func TestInBrokenProcess(t *testing.T) {
	what := os.Getenv("S3GO_BREAK")
	if what == "" {
		return
	}
	options := ContextOptions{Threads: 2}
	if what == "engine" {
		options.Backend = BackendOneDNN
	}
	c := must(NewContext(&options))
	defer c.Close()
	data := fixtureDataset(t)
	model := must(NewModelFor(c, data, ModelOptions{HiddenSize: 16}))
	defer model.Close()
	_, _, err := Pretrain(context.Background(), model, data, nil)
	wants(t, err, map[string]Status{"engine": ErrEngine, "thread": ErrThread}[what])
	if what == "thread" {
		must(model.Recommend([]int32{1}, 1, nil)) // needs no thread of the library's
	}
}
