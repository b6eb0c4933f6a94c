package identity

import (
	_ "embed"
	"strings"

	"parley/wire"
)

// wordList is the English list of 2,048 words of BIP-39, in its order, one a
// line: words of at most eight letters, told apart by their first four.
//
//go:embed words.txt
var wordList string

// Fingerprint returns the words by which two people compare an ID aloud: its
// first 132 bits, most significant first, 11 bits a word.
func Fingerprint(id wire.ID) []string {
	list := strings.Fields(wordList)
	words := make([]string, FingerprintWords)
	for i := range words {
		v := 0
		for bit := 11 * i; bit < 11*(i+1); bit++ {
			v = v<<1 | int(id[bit/8]>>(7-bit%8)&1)
		}
		words[i] = list[v]
	}
	return words
}
