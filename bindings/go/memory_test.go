// SPDX-License-Identifier: Apache-2.0

package s3rec

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"libs3rec/go/s3rec/internal/faults"
)

// faultyFlow makes calls whose requests for memory fail, and keeps what went wrong.
type faultyFlow struct {
	folder   string
	problems []string
	calls    int
	failed   int // calls that gave an error
}

// try makes a call under faults. An error must say that memory is missing.
func (f *faultyFlow) try(what string, call func() error) error {
	f.calls++
	faults.Arm()
	err := call()
	faults.Disarm()
	if err == nil {
		return nil
	}
	f.failed++
	var known *Error
	if !errors.As(err, &known) || known.Detail == "" ||
		known.Status != ErrMemory && known.Status != ErrThread {
		f.problem("%s gives %v", what, err)
	}
	return err
}

// refuse makes a call that is wrong in itself under faults.
func (f *faultyFlow) refuse(what string, status Status, call func() error) {
	f.calls++
	faults.Arm()
	err := call()
	faults.Disarm()
	if !errors.Is(err, status) && !errors.Is(err, ErrMemory) {
		f.problem("%s gives %v", what, err)
	}
}

func (f *faultyFlow) problem(format string, values ...any) {
	f.problems = append(f.problems, fmt.Sprintf(format, values...))
}

func (f *faultyFlow) path(name string) string { return filepath.Join(f.folder, name) }

type closer interface{ Close() error }

// made is try for a call that makes something, which is to be closed.
func made[T closer](f *faultyFlow, what string, call func() (T, error)) (thing T, good bool) {
	err := f.try(what, func() (err error) {
		thing, err = call()
		return err
	})
	return thing, err == nil
}

// everything is the flow: from events to recommendations. What a failed call leaves out is left out
// of what follows.
func (f *faultyFlow) everything() {
	c, good := made(f, "NewContext", func() (*Context, error) {
		return NewContext(&ContextOptions{Log: func(LogLevel, string) {}})
	})
	if !good {
		return
	}
	defer c.Close()
	f.reading(c)
	f.training(c)
	f.serving(c)
}

func (f *faultyFlow) reading(c *Context) {
	f.refuse("Read of no file", ErrIO, func() error {
		events, err := NewEvents(c)
		if err == nil {
			defer events.Close()
			_, err = events.Read(f.path("none.csv"), nil)
		}
		return err
	})
	events, good := made(f, "NewEvents", func() (*Events, error) { return NewEvents(c) })
	if !good {
		return
	}
	defer events.Close()
	rows := 0
	_ = f.try("Events.Read", func() error {
		report, err := events.Read(f.path("events.csv"), &TableOptions{UserColumn: "user",
			ItemColumn: "item", TimestampColumn: "timestamp", NoValue: true, BadRowLimit: 3})
		rows = report.Rows
		return err
	})
	if rows == 0 {
		return
	}
	_ = f.try("Events.AppendAttributes", func() error {
		return events.AppendAttributes(Strings{"i1", "i2"}, Strings{"genre=a", "genre=b"})
	})
	data, good := made(f, "Events.Dataset", func() (*Dataset, error) {
		data, _, err := events.Dataset(&EventsOptions{MinUserEvents: 3})
		return data, err
	})
	if !good {
		return
	}
	defer data.Close()
	names, good := made(f, "Dataset.ItemNames", data.ItemNames)
	if !good {
		return
	}
	defer names.Close()
	_ = f.try("Vocabulary.All", func() error { return errorOf(names.All()) })
	_ = f.try("Vocabulary.Find", func() error { return errorOf(names.Find("i3")) })
	_ = f.try("Dataset.Info", func() error { return errorOf(data.Info()) })
}

func (f *faultyFlow) training(c *Context) {
	_ = f.try("Train", func() error {
		model, _, err := Train(context.Background(), TrainOptions{Context: c,
			Events: f.path("events.csv"), PretrainEpochs: Ptr(0), FinetuneEpochs: Ptr(1),
			OnStep: func(Progress) error { return nil }})
		if err == nil {
			defer model.Close()
			err = model.Save(f.path("trained.safetensors"))
		}
		return err
	})
	data, good := made(f, "LoadDataset", func() (*Dataset, error) {
		return LoadDataset(c, DatasetFiles{Sequences: f.path("data.txt")})
	})
	if !good {
		return
	}
	defer data.Close()
	model, good := made(f, "LoadModel", func() (*Model, error) {
		return LoadModel(c, f.path("model.safetensors"), nil)
	})
	if !good {
		return
	}
	defer model.Close()
	run, good := made(f, "NewRun", func() (*Run, error) {
		return NewRun(model, data, StageFinetune, &RunOptions{Epochs: 1})
	})
	if !good {
		return
	}
	defer run.Close()
	_ = f.try("Run.SetNote", func() error { return run.SetNote("a note") })
	_ = f.try("Run.Step", func() error { return errorOf(run.Step()) })
	if f.try("Run.Save", func() error { return run.Save(f.path("run.state")) }) == nil {
		_ = f.try("ResumeRun", func() error {
			resumed, err := ResumeRun(model, data, f.path("run.state"), 0)
			if err == nil {
				resumed.Close()
			}
			return err
		})
	}
	_ = f.try("Model.Evaluate", func() error { return errorOf(model.Evaluate(data, nil)) })
	_ = f.try("ReadParameter", func() error {
		return errorOf(model.ReadParameter("item_embeddings.weight"))
	})
	f.refuse("LoadModel of events", ErrFormat, func() error {
		return errorOf(LoadModel(c, f.path("events.csv"), nil))
	})
}

func (f *faultyFlow) serving(c *Context) {
	recommender, good := made(f, "OpenRecommender", func() (*Recommender, error) {
		return OpenRecommender(f.path("model.safetensors"), &RecommenderOptions{Context: c})
	})
	if !good {
		return
	}
	defer recommender.Close()
	lists := &RecommendOptions{Excluded: []int32{2}, ExcludedNames: []string{"5", "x"}}
	_ = f.try("Recommend", func() error {
		return errorOf(recommender.Recommend([]int32{1, 2, 3}, 5, nil))
	})
	_ = f.try("Recommend with lists", func() error {
		return errorOf(recommender.Recommend([]int32{1, 2, 3}, 5, lists))
	})
	_ = f.try("RecommendNames", func() error {
		return errorOf(recommender.RecommendNames([]string{"7", "nothing"}, 5, lists))
	})
	_ = f.try("RecommendIDs", func() error {
		return errorOf(recommender.RecommendIDs([]int64{7, 8}, 5, nil))
	})
	filter, good := made(f, "NewFilter", func() (*Filter, error) {
		return recommender.NewFilter(FilterOptions{AllowedNames: []string{"1", "2", "3", "4", "9"}})
	})
	if good {
		defer filter.Close()
		_ = f.try("Answer", func() error {
			return errorOf(recommender.Answer(Request{Names: [][]string{{"1"}, {"2", "3"}}, K: 3,
				Filter: filter, Filters: []*Filter{nil, filter}}))
		})
	}
	_ = f.try("Exchange", func() error {
		return recommender.Exchange(f.path("model.safetensors"), nil)
	})
	_ = f.try("RecommendIDs after the exchange", func() error {
		return errorOf(recommender.RecommendIDs([]int64{7, 8}, 5, nil))
	})
	f.refuse("Exchange for no file", ErrIO, func() error {
		return recommender.Exchange(f.path("none.safetensors"), nil)
	})
}

// inputs are the files that the flow reads.
func (f *faultyFlow) inputs() {
	table, lines := "user,item,timestamp\n", ""
	ids := make(Integers, fixtureItems)
	for i := range ids {
		ids[i] = int64(i) + 1
	}
	for user, items := range sequencesOf(40) {
		lines += strconv.Itoa(user + 1)
		for place, item := range items {
			table += fmt.Sprintf("u%d,i%d,%d\n", user, item, place)
			lines += fmt.Sprintf(" %d", item)
		}
		lines += "\n"
	}
	for name, text := range map[string]string{"events.csv": table, "data.txt": lines} {
		if err := os.WriteFile(f.path(name), []byte(text), 0o600); err != nil {
			panic(err)
		}
	}
	data := must(LoadDataset(nil, DatasetFiles{Sequences: f.path("data.txt")}))
	defer data.Close()
	info := must(data.Info())
	model := must(NewModel(nil, ModelOptions{ItemSize: info.ItemSize, AttributeSize: 1,
		HiddenSize: 16, MaxSeqLength: 12}))
	defer model.Close()
	names := must(NewVocabulary(nil, 1, ids[:info.ItemSize-2]))
	defer names.Close()
	if err := model.SetNames(names, nil); err != nil {
		panic(err)
	}
	if err := model.Save(f.path("model.safetensors")); err != nil {
		panic(err)
	}
}

// round is one time the flow.
func (f *faultyFlow) round(mode faults.Mode, at int, seed uint64) (requests, hits int) {
	before := len(f.problems)
	faults.Set(mode, at, seed)
	f.everything()
	requests, hits, _ = faults.Counts()
	for i := before; i < len(f.problems); i++ {
		f.problems[i] = fmt.Sprintf("mode %d, at %d, seed %d: %s", mode, at, seed, f.problems[i])
	}
	return requests, hits
}

// theMemoryChild is the process with the interposer. It prints a line of counts, then one for each
// problem.
func theMemoryChild(folder string, rounds int) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	debug.SetGCPercent(-1) // no finalizer and no new thread of Go's while memory fails
	f := &faultyFlow{folder: folder}
	f.inputs()
	all, hits := f.round(faults.None, 1, 0)
	runs := 1
	_, _, before := faults.Counts()
	for i := 0; i < rounds; i++ {
		runs += 4
		_, once := f.round(faults.Once, 1+i*all/rounds, 0)
		hits += once
		for _, chance := range []int{1000, 100, 20} {
			_, some := f.round(faults.Chance, chance, uint64(i))
			hits += some
		}
		runtime.GC()
	}
	if _, again := f.round(faults.None, 1, 0); again != 0 {
		f.problem("faults without being asked for")
	}
	_, _, live := faults.Counts()
	if live > before+64 {
		f.problem("%d blocks of memory more than before", live-before)
	}
	fmt.Printf("runs %d requests %d faults %d calls %d failed %d blocks %d\n", runs, all, hits,
		f.calls, f.failed, live-before)
	for _, problem := range f.problems {
		fmt.Println(problem)
	}
}

// TestMain makes a child of TestMemoryFails what its parent wants.
func TestMain(m *testing.M) {
	folder, rounds := os.Getenv("S3REC_MEMORY_CHILD"), os.Getenv("S3REC_MEMORY_ROUNDS")
	if folder == "" {
		os.Exit(m.Run())
	}
	count, err := strconv.Atoi(rounds)
	if err != nil || !faults.Find() {
		fmt.Println("the child has no interposer")
		os.Exit(1)
	}
	theMemoryChild(folder, count)
}

// Memory that fails anywhere below a call becomes an error of that call.
func TestMemoryFails(t *testing.T) {
	interposer := os.Getenv("S3REC_INTERPOSER")
	if interposer == "" {
		t.Skip("S3REC_INTERPOSER does not name the library that makes memory fail")
	}
	rounds := os.Getenv("S3REC_MEMORY_ROUNDS")
	if rounds == "" {
		rounds = "12"
	}
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "LD_PRELOAD="+interposer, "S3REC_MEMORY_CHILD="+t.TempDir(),
		"S3REC_MEMORY_ROUNDS="+rounds)
	output, err := child.CombinedOutput()
	lines := strings.SplitN(strings.TrimSpace(string(output)), "\n", 2)
	if err != nil || len(lines) > 1 || !strings.HasPrefix(lines[0], "runs ") {
		t.Fatalf("%v\n%s", err, output)
	}
	t.Log(lines[0])
}
