// Package talk is the vocabulary of the stage: what the audience and participants ask for and what they are told, in JSON. It is
// the same on the audience's WebSocket and in data messages of the topic Topic; docs/audience-protocol.md describes it.
package talk

// Topic is that of data messages which carry this vocabulary.
const Topic = "tutti"
