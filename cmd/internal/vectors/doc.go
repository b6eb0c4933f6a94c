// Package vectors checks the vectors of testdata/, with this implementation or
// with another one's program. It turns each file, which is a family, into
// questions that do not tell the answer, and compares the answers with what the
// vectors say.
//
// # Programs of other implementations
//
// A program reads questions on its standard input, a JSON object a line, and
// writes an answer for each on its standard output, in the same order, a JSON
// object a line; it ends at the end of its input.
//
//	question  {"id":7,"family":"seal/records","do":"open","in":{"enc":"48d9…","counter":"0",…}}
//	answer    {"id":7,"accepted":true,"out":{"plaintext":"58"}}
//	          {"id":8,"accepted":false,"reason":"any text"}
//	          {"id":9,"unknown":true}
//
// Every value is a string, or a list of strings: bytes in hexadecimal, numbers
// in decimal, texts as they are. "accepted" says whether the input is accepted;
// "out" has what follows from it. "unknown" says that the program does not
// implement the question's family; it is counted apart, and is a failure unless
// the family was left out by name. testdata/README.md lists the questions.
package vectors
