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

func writeFile(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	ok(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestDatasetFromArrays(t *testing.T) {
	data := must(NewDataset(nil, DatasetArrays{
		Sequences:  [][]int32{{3, 1, 2}, {5, 5}, {4}},
		Attributes: map[int32][]int32{5: {2, 0}, 1: {1}},
		Negatives:  [][]int32{{1, 2}, {3, 4}, {5, 1}}}))
	defer data.Close()
	info := must(data.Info())
	fingerprint := info.Fingerprint
	info.Fingerprint = 0
	want := DatasetInfo{Users: 3, Interactions: 6, ItemSize: 7, AttributeSize: 3,
		NegativesPerUser: 2, ShortUsers: 2}
	if info != want || fingerprint == 0 {
		t.Errorf("%+v instead of %+v", info, want)
	}
	if items := must(data.UserItems(0)); !reflect.DeepEqual(items, []int32{3, 1, 2}) {
		t.Errorf("items %v", items)
	}
	if items := must(data.AppendUserItems([]int32{9}, 2)); !reflect.DeepEqual(items,
		[]int32{9, 4}) {
		t.Errorf("appended %v", items)
	}
	if has := must(data.ItemAttributes(5)); len(has) != 2 {
		t.Errorf("attributes %v", has)
	}
	if has := must(data.ItemAttributes(2)); len(has) != 0 {
		t.Errorf("attributes %v of an item without", has)
	}
	if negatives := must(data.UserNegatives(1)); !reflect.DeepEqual(negatives, []int32{3, 4}) {
		t.Errorf("negatives %v", negatives)
	}
	for _, names := range []*Vocabulary{must(data.ItemNames()), must(data.UserNames()),
		must(data.AttributeNames())} {
		if names != nil {
			t.Error("names of a data set of numbers")
		}
	}
	for _, user := range []int{-1, 3, math.MaxInt} {
		wants(t, errorOf(data.UserItems(user)), ErrNotFound)
		wants(t, errorOf(data.UserNegatives(user)), ErrNotFound)
	}
	for _, item := range []int32{-1, 0, 6, math.MaxInt32} {
		wants(t, errorOf(data.ItemAttributes(item)), ErrNotFound)
	}
}

func TestHostileArrays(t *testing.T) {
	for name, arrays := range map[string]DatasetArrays{
		"nothing":           {},
		"an empty user":     {Sequences: [][]int32{{1}, {}}},
		"item 0":            {Sequences: [][]int32{{0}}},
		"a huge item":       {Sequences: [][]int32{{math.MaxInt32}}},
		"attributed item 0": {Sequences: [][]int32{{1}}, Attributes: map[int32][]int32{0: {1}}},
		"attribute -1":      {Sequences: [][]int32{{1}}, Attributes: map[int32][]int32{1: {-1}}},
		"negative 0":        {Sequences: [][]int32{{1}}, Negatives: [][]int32{{0}}},
		"ragged negatives":  {Sequences: [][]int32{{1}, {2}}, Negatives: [][]int32{{1, 2}, {1}}},
		"empty negatives":   {Sequences: [][]int32{{1}}, Negatives: [][]int32{{}}},
		"fewer negatives":   {Sequences: [][]int32{{1}, {2}}, Negatives: [][]int32{{1}}},
	} {
		data, err := NewDataset(nil, arrays)
		if data != nil || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDatasetFromFiles(t *testing.T) {
	sequences := writeFile(t, "d.txt", "7 1 2 3\n8 2 3 4\n")
	data := must(LoadDataset(nil, DatasetFiles{Sequences: sequences,
		Attributes: writeFile(t, "a.json", `{"1": [0, 1], "4": [2]}`)}))
	defer data.Close()
	if info := must(data.Info()); info.Users != 2 || info.ItemSize != 6 || info.AttributeSize != 3 {
		t.Errorf("%+v", info)
	}
	bad := writeFile(t, "bad.txt", "7 1 2 3\n8 2 x 4\n")
	err := errorOf(LoadDataset(nil, DatasetFiles{Sequences: bad}))
	wants(t, err, ErrFormat)
	if !strings.Contains(err.Error(), "bad.txt:2:5") {
		t.Errorf("%v does not name line and column", err)
	}
	wants(t, errorOf(LoadDataset(nil, DatasetFiles{Sequences: sequences, Negatives: "absent"})),
		ErrIO)
	wants(t, errorOf(LoadDataset(nil, DatasetFiles{})), ErrArgument)
	wants(t, errorOf(LoadDataset(nil, DatasetFiles{Sequences: "a\x00b"})), ErrArgument)
}

func TestVocabulary(t *testing.T) {
	names := Strings{"Alien", "Blade Runner", "日本", "-7"}
	v := must(NewVocabulary(nil, 1, names))
	defer v.Close()
	if v.Len() != 4 || v.FirstID() != 1 || v.Kind() != NamesText {
		t.Errorf("%d names from %d of kind %d", v.Len(), v.FirstID(), v.Kind())
	}
	if all := must(v.All()); !reflect.DeepEqual(all, []string(names)) {
		t.Errorf("%q", all)
	}
	if name := must(v.Name(3)); name != "日本" {
		t.Errorf("name 3 is %q", name)
	}
	if id := must(v.Find("Blade Runner")); id != 2 {
		t.Errorf("id %d", id)
	}
	found := must(v.FindAll(Strings{"-7", "", "nobody", "Alien", "Al\x00ien", "\xff"}))
	if !reflect.DeepEqual(found, []int32{4, -1, -1, 1, -1, -1}) {
		t.Errorf("ids %v", found)
	}
	if found := must(v.FindAll(Strings{""})); !reflect.DeepEqual(found, []int32{-1}) {
		t.Errorf("id %v of an empty name", found)
	}
	wants(t, errorOf(v.Name(0)), ErrNotFound)
	wants(t, errorOf(v.Name(5)), ErrNotFound)
	wants(t, errorOf(v.Find("nobody")), ErrNotFound)
	wants(t, errorOf(v.Find("")), ErrNotFound)

	numbers := must(NewVocabulary(nil, 0, Integers{math.MinInt64, 0, math.MaxInt64}))
	defer numbers.Close()
	if numbers.Kind() != NamesInteger || must(numbers.Name(0)) != "-9223372036854775808" {
		t.Errorf("kind %d, %q", numbers.Kind(), must(numbers.Name(0)))
	}
	if found := must(numbers.FindAll(Integers{0, 5})); !reflect.DeepEqual(found, []int32{1, -1}) {
		t.Errorf("ids %v", found)
	}
	for name, bad := range map[string]Names{"twice": Strings{"a", "a"}, "empty": Strings{""},
		"NUL": Strings{"a\x00"}, "not UTF-8": Strings{"\xff"}, "too long": Strings{
			strings.Repeat("x", 4097)}, "equal": Integers{4, 4}} {
		if v, err := NewVocabulary(nil, 0, bad); v != nil {
			t.Errorf("%s is taken", name)
		} else {
			wants(t, err, ErrFormat)
		}
	}
	wants(t, errorOf(NewVocabulary(nil, 5, names)), ErrArgument)
}
