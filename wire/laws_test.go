package wire

import (
	"reflect"
	"testing"
)

// fill sets every field of v to a value that is not its zero, lists to two elements.
func fill(v reflect.Value, n *uint64) {
	*n++
	switch v.Kind() {
	case reflect.Pointer:
		fill(v.Elem(), n)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte{byte(*n), 0xff, byte(*n >> 8)})
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), n)
		}
	case reflect.Array:
		for i := range v.Len() {
			v.Index(i).SetUint(*n % 256)
		}
	case reflect.String:
		v.SetString("text·" + string(rune('a'+*n%26)))
	case reflect.Bool:
		v.SetBool(true)
	default:
		v.SetUint(*n * 7919 % (1 << (8*min(v.Type().Size(), 4) - 1)))
	}
}

func TestEveryMessageTypeObeysTheLawsOfACodec(t *testing.T) {
	for _, row := range Rows() {
		t.Run(row.Name, func(t *testing.T) {
			for _, full := range []bool{false, true} {
				m := row.New()
				if full {
					n := uint64(0)
					fill(reflect.ValueOf(m), &n)
				}
				if m.MessageType() != row.Type {
					t.Fatalf("MessageType is %d, the row says %d", m.MessageType(), row.Type)
				}
				body, err := AppendBody(nil, m)
				if err != nil {
					t.Fatal(err)
				}
				if err := CheckCanonical(body, MaxDepth); err != nil {
					t.Fatalf("own encoding refused: %v", err)
				}
				back, err := DecodeBody(row.Type, body)
				if err != nil {
					t.Fatal(err)
				}
				again, err := AppendBody(nil, back)
				if err != nil || string(again) != string(body) {
					t.Fatalf("decoded value encodes to %x, not %x (%v)", again, body, err)
				}
				if full && !reflect.DeepEqual(m, back) {
					t.Fatalf("decoded %+v, not %+v", back, m)
				}
				for i := range body {
					if _, err := DecodeBody(row.Type, body[:i]); err == nil {
						t.Fatalf("a prefix of %d of %d bytes is accepted", i, len(body))
					}
				}
				if _, err := DecodeBody(row.Type, append(body, 0)); err == nil {
					t.Fatal("a byte after the body is accepted")
				}
			}
		})
	}
}
