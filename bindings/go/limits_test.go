// SPDX-License-Identifier: Apache-2.0

package s3rec

import (
	"math"
	"os"
	"path/filepath"
	"testing"
)

func TestLimitsOfFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wide.txt")
	ok(t, os.WriteFile(path, []byte("1 2 3 103000\n2 3 4 5\n"), 0o600))
	data := must(LoadDataset(nil, DatasetFiles{Sequences: path}))
	defer data.Close()
	strict := must(NewContext(&ContextOptions{Limits: StrictLimits()}))
	defer strict.Close()
	wants(t, errorOf(LoadDataset(strict, DatasetFiles{Sequences: path})), ErrLimit)
	one := must(NewContext(&ContextOptions{Limits: Limits{Rows: 1}}))
	defer one.Close()
	wants(t, errorOf(LoadDataset(one, DatasetFiles{Sequences: path})), ErrLimit)
}

func TestLimitsAreChecked(t *testing.T) {
	for name, limits := range map[string]Limits{
		"negative": {FileBytes: -1}, "rows": {Rows: math.MinInt64}, "items": {Items: math.MaxInt64},
		"header": {HeaderBytes: 100_000_001}, "depth": {JSONDepth: 513}, "expansion": {Expansion: -1},
		"spread": {IDSpread: math.MaxInt64},
	} {
		t.Run(name, func(t *testing.T) {
			wants(t, errorOf(NewContext(&ContextOptions{Limits: limits})), ErrArgument)
		})
	}
}

func TestStrictLimitsAreLower(t *testing.T) {
	strict := StrictLimits()
	if strict.Items != 1<<20 || strict.FileBytes != 1<<30 || strict.JSONDepth != 16 {
		t.Errorf("%+v", strict)
	}
	filled := must(strict.filled())
	defaults := must((&Limits{}).filled())
	if filled.rows >= defaults.rows || filled.expansion >= defaults.expansion {
		t.Errorf("%+v is not below %+v", filled, defaults)
	}
}
