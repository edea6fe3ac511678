// SPDX-License-Identifier: Apache-2.0

package s3rec

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const ratings = `userId,movieId,rating,timestamp
ann,Alien,5,3
bob,"Alien, again",2,1
ann,Blade Runner,4,1
bob,Alien,4.5,2
ann,Alien,1,9
`

func TestEventsFromFiles(t *testing.T) {
	events := must(NewEvents(nil))
	defer events.Close()
	report := must(events.Read(writeFile(t, "ratings.csv", ratings), nil))
	if report != (TableReport{Rows: 5}) {
		t.Errorf("%+v", report)
	}
	movies := writeFile(t, "movies.csv", "movieId,title,genres\nAlien,x,Horror|SciFi\nHeat,y,Crime\n")
	must(events.ReadAttributes(movies, &TableOptions{AttributeColumns: []string{"genres"}}))
	data, counts, err := events.Dataset(&EventsOptions{MinValue: Ptr(2.0), Repeats: RepeatsDrop})
	ok(t, err)
	defer data.Close()
	if want := (EventsReport{Events: 5, LowValue: 1, Kept: 4, AttributedItems: 1}); counts != want {
		t.Errorf("%+v instead of %+v", counts, want)
	}
	users, items := must(data.UserNames()), must(data.ItemNames())
	attributes := must(data.AttributeNames())
	var sequences []string
	for user, name := range must(users.All()) {
		for _, item := range must(data.UserItems(user)) {
			sequences = append(sequences, name+": "+must(items.Name(item)))
		}
	}
	want := []string{"ann: Blade Runner", "ann: Alien", "bob: Alien, again", "bob: Alien"}
	if users.FirstID() != 0 || !sameSet(sequences, want) {
		t.Errorf("%q instead of %q", sequences, want)
	}
	if all := must(attributes.All()); !reflect.DeepEqual(all, []string{"genres=Horror",
		"genres=SciFi"}) {
		t.Errorf("attributes %q", all)
	}
}

func sameSet(a, b []string) bool {
	found := map[string]int{}
	for _, s := range a {
		found[s]++
	}
	for _, s := range b {
		found[s]--
	}
	for _, count := range found {
		if count != 0 {
			return false
		}
	}
	return true
}

func TestTableOptions(t *testing.T) {
	semicolons := "who;what;when\nu;a;2024-01-02\nu;b;2024-01-01T05:00:00Z\nu;c\nu;d;never\n"
	path := writeFile(t, "table.txt", semicolons)
	options := TableOptions{Format: TableCSV, Header: HeaderYes, Delimiter: ";",
		UserColumn: "who", ItemColumn: "what", TimestampColumn: "when", NoValue: true}
	var warnings []string
	c := must(NewContext(&ContextOptions{Log: func(level LogLevel, message string) {
		if level == LogWarning {
			warnings = append(warnings, message)
		}
	}}))
	defer c.Close()
	events := must(NewEvents(c))
	defer events.Close()
	err := errorOf(events.Read(path, &options))
	wants(t, err, ErrFormat)
	if !strings.Contains(err.Error(), "table.txt:4") {
		t.Errorf("%v does not name line 4", err)
	}
	options.BadRowLimit = 2
	report := must(events.Read(path, &options))
	if report != (TableReport{Rows: 2, BadRows: 2, FirstBadLine: 4}) || len(warnings) != 2 {
		t.Errorf("%+v, warnings %q", report, warnings)
	}
	data, _, err := events.Dataset(nil)
	ok(t, err)
	items := must(data.ItemNames())
	if first := must(data.UserItems(0))[0]; must(items.Name(first)) != "b" {
		t.Errorf("the oldest item is %q", must(items.Name(first)))
	}

	var zipped bytes.Buffer
	writer := gzip.NewWriter(&zipped)
	must(writer.Write([]byte("{\"user\": 1, \"item\": \"x\"}\n")))
	ok(t, writer.Close())
	other := must(NewEvents(nil))
	defer other.Close()
	lines := writeFile(t, "lines", zipped.String())
	must(other.Read(lines, &TableOptions{Format: TableJSONL, NoTimestamp: true}))
	wants(t, errorOf(other.Read(path, &options)), ErrMismatch)
	wants(t, errorOf(other.Read(filepath.Join(t.TempDir(), "absent"), nil)), ErrIO)
	broken := writeFile(t, "broken", zipped.String()[:zipped.Len()-6])
	wants(t, errorOf(other.Read(broken, &TableOptions{NoTimestamp: true})), ErrIO)

	for name, bad := range map[string]TableOptions{
		"contradiction":   {NoTimestamp: true, TimestampColumn: "when"},
		"no value":        {NoValue: true, ValueColumn: "v"},
		"comma":           {AttributeColumns: []string{"a,b"}},
		"no name":         {AttributeColumns: []string{""}},
		"negative limit":  {BadRowLimit: -1},
		"NUL":             {UserColumn: "\x00"},
		"format":          {Format: 77},
		"header":          {Header: -1},
		"long delimiter":  {Delimiter: strings.Repeat(";", 9)},
		"long separator":  {AttributeSeparator: strings.Repeat("|", 9)},
		"two separations": {AttributeSeparator: "|", NoAttributeSeparator: true},
	} {
		bad := bad
		t.Run(name, func(t *testing.T) {
			wants(t, errorOf(events.ReadAttributes(path, &bad)), ErrArgument)
		})
	}
}

func TestEventsFromSlices(t *testing.T) {
	events := must(NewEvents(nil))
	defer events.Close()
	ok(t, events.Append(EventColumns{Users: Strings{"u", "v", "u"}, Items: Integers{900, 7, 7},
		Timestamps: []int64{5, 1, 4}, Values: []float64{1, 2, 3}}))
	ok(t, events.AppendAttributes(Integers{7, 900}, Strings{"kind=a", "kind=b"}))
	data, _, err := events.Dataset(&EventsOptions{MinLength: 2})
	ok(t, err)
	items := must(data.ItemNames())
	if items.Kind() != NamesInteger {
		t.Error("integers came back as text")
	}
	var sequence []string
	for _, item := range must(data.UserItems(0)) {
		sequence = append(sequence, must(items.Name(item)))
	}
	if !reflect.DeepEqual(sequence, []string{"7", "900"}) {
		t.Errorf("%q", sequence)
	}
	for name, test := range map[string]struct {
		columns EventColumns
		status  Status
	}{
		"no users":     {EventColumns{Items: Strings{"a"}}, ErrArgument},
		"lengths":      {EventColumns{Users: Strings{"a"}, Items: Integers{1, 2}}, ErrArgument},
		"times":        {EventColumns{Strings{"a"}, Integers{1}, []int64{1, 2}, nil}, ErrArgument},
		"values":       {EventColumns{Strings{"a"}, Integers{1}, []int64{1}, []float64{}}, ErrArgument},
		"without time": {EventColumns{Users: Strings{"a"}, Items: Integers{1}}, ErrMismatch},
		"other items":  {EventColumns{Strings{"a"}, Strings{"b"}, []int64{1}, nil}, ErrMismatch},
		"empty name":   {EventColumns{Strings{""}, Integers{1}, []int64{1}, nil}, ErrFormat},
		"not UTF-8":    {EventColumns{Strings{"\xc3("}, Integers{1}, []int64{1}, nil}, ErrFormat},
		"NaN":          {EventColumns{Strings{"a"}, Integers{1}, []int64{1}, []float64{math.NaN()}}, ErrFormat},
	} {
		t.Run(name, func(t *testing.T) { wants(t, events.Append(test.columns), test.status) })
	}
	wants(t, events.AppendAttributes(nil, Strings{}), ErrArgument)
	wants(t, events.AppendAttributes(Integers{1}, Strings{}), ErrArgument)
	wants(t, events.AppendAttributes(Integers{1}, Strings{""}), ErrFormat)
	_, _, err = events.Dataset(&EventsOptions{MinUserEvents: 100})
	wants(t, err, ErrFormat)
	_, _, err = events.Dataset(&EventsOptions{MinUserEvents: 1 << 40})
	wants(t, err, ErrArgument)
	_, _, err = events.Dataset(&EventsOptions{Repeats: 9})
	wants(t, err, ErrArgument)
}

// From names to names, over a model file; and new events with the ids of an old model.
func TestNamesFromEventsToRecommendations(t *testing.T) {
	for _, kind := range []NameKind{NamesText, NamesInteger} {
		t.Run(fmt.Sprint(kind), func(t *testing.T) { namesThroughAll(t, kind) })
	}
}

func namesThroughAll(t *testing.T, kind NameKind) {
	var users Strings
	var items Strings
	var ids Integers
	for user, sequence := range sequencesOf(40) {
		for _, item := range sequence {
			users = append(users, fmt.Sprint("user ", user))
			items = append(items, fmt.Sprint("film ", item))
			ids = append(ids, int64(item)-100)
		}
	}
	columns := EventColumns{Users: users, Items: items}
	if kind == NamesInteger {
		columns.Items = ids
	}
	events := must(NewEvents(nil))
	defer events.Close()
	ok(t, events.Append(columns))
	data, _, err := events.Dataset(nil)
	ok(t, err)
	defer data.Close()
	first := must(NewModelFor(nil, data, ModelOptions{HiddenSize: 16}))
	defer first.Close()
	trained, _, err := Pretrain(context.Background(), first, data, &RunOptions{Epochs: 1})
	ok(t, err)
	defer trained.Close()
	path := filepath.Join(t.TempDir(), "model")
	ok(t, trained.Save(path))
	model := must(MapModel(nil, path, nil))
	defer model.Close()

	names := must(model.ItemNames())
	defer names.Close()
	history := must(data.UserItems(3))
	var called []string
	var numbers []int64
	for i, item := range history {
		called = append(called, must(names.Name(item)), "never heard of")
		numbers = append(numbers, int64(i), -100)
		numbers[len(numbers)-2], _ = parse(must(names.Name(item)))
	}
	want := must(model.Recommend(history, 5, nil))
	byName := must(model.RecommendNames(called, 5, nil))
	for i := range want {
		if byName[i].Item != want[i].Item || byName[i].Score != want[i].Score ||
			byName[i].Name != must(names.Name(want[i].Item)) {
			t.Errorf("place %d: %+v by names, %+v by numbers", i, byName[i], want[i])
		}
	}
	without := must(model.RecommendNames(called, 5, &RecommendOptions{
		ExcludedNames: []string{byName[0].Name, "never"}, Excluded: []int32{want[1].Item}}))
	if without[0].Name != byName[2].Name {
		t.Errorf("%+v without the first two of %+v", without, byName)
	}
	chosen := must(model.RecommendNames(called, 5, &RecommendOptions{
		CandidateNames: []string{byName[3].Name, "never"}, Candidates: []int32{want[1].Item}}))
	if len(chosen) != 2 || chosen[0].Name != byName[1].Name || chosen[1].Name != byName[3].Name {
		t.Errorf("of candidates %q and %q: %+v", byName[1].Name, byName[3].Name, chosen)
	}
	counts, total := must(model.Popularity()), 0
	for _, count := range counts {
		total += int(count)
	}
	popular := must(model.RecommendNames(nil, 5, nil))
	for i, item := range popular {
		if share := float64(counts[item.Item]) / float64(total); len(popular) != 5 ||
			!near([]float32{item.Score}, []float32{float32(share)}) ||
			i > 0 && item.Score > popular[i-1].Score {
			t.Errorf("%+v for no history, its share is %v", popular, share)
		}
	}
	byID, err := model.RecommendIDs(numbers, 5, nil)
	if kind == NamesText {
		wants(t, err, ErrMismatch)
	} else {
		ok(t, err)
		for i := range want {
			if fmt.Sprint(byID[i].ID) != byName[i].Name || byID[i].Score != want[i].Score {
				t.Errorf("place %d: %+v by ids, %+v by names", i, byID[i], byName[i])
			}
		}
	}

	newer := must(NewEvents(nil))
	defer newer.Close()
	ok(t, newer.Append(columns))
	again, report, err := newer.Dataset(&EventsOptions{ItemNames: names})
	ok(t, err)
	defer again.Close()
	if report.Unknown != 0 || !reflect.DeepEqual(must(again.UserItems(3)), history) {
		t.Errorf("%+v, %v instead of %v", report, must(again.UserItems(3)), history)
	}

	ok(t, model.SetNames(nil, nil))
	if without := must(model.ItemNames()); without != nil {
		t.Error("names are left after SetNames(nil, nil)")
	}
	wants(t, errorOf(model.RecommendNames(called, 5, nil)), ErrArgument)
	wants(t, errorOf(model.Recommend(history, 5, &RecommendOptions{ExcludedNames: called})),
		ErrArgument)
	short := must(NewVocabulary(nil, 1, Strings{"one"}))
	defer short.Close()
	wants(t, model.SetNames(short, nil), ErrMismatch)
}

func parse(name string) (number int64, err error) {
	_, err = fmt.Sscan(name, &number)
	return number, err
}
