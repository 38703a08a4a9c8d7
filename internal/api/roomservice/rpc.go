package roomservice

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"time"

	pb "github.com/livekit/protocol/livekit"
	"github.com/twitchtv/twirp"
	"google.golang.org/protobuf/proto"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/server/livekit"
)

// Limits of LiveKit's RPC, which clients keep too.
const (
	maxRPCPayload      = 15 << 10
	rpcAnswer          = 10 * time.Second // when the caller does not say
	maxRPCAnswer       = time.Minute
	rpcAcknowledgement = 7 * time.Second
	rpcVersion         = 1
	maxRPCMethod       = 64
)

// PerformRpc calls a method of a participant and waits for the answer.
func (s *service) PerformRpc(ctx context.Context, req *pb.PerformRpcRequest) (*pb.PerformRpcResponse, error) {
	st, p, err := s.participant(ctx, req.Room, req.DestinationIdentity)
	switch {
	case err != nil:
		return nil, err
	case req.Method == "" || len(req.Method) > maxRPCMethod:
		return nil, twirp.InvalidArgument.Error(fmt.Sprintf("a method has 1 to %d bytes", maxRPCMethod))
	case len(req.Payload) > maxRPCPayload:
		return nil, twirp.InvalidArgument.Error(fmt.Sprintf("1402: payload exceeds %d bytes", maxRPCPayload))
	}
	patience := min(cmp.Or(time.Duration(req.ResponseTimeoutMs)*time.Millisecond, rpcAnswer), maxRPCAnswer)
	call := &call{id: "rpc-" + rand.Text(), of: p.SID, heard: make(chan *pb.DataPacket, 2)}
	stop, err := st.Listen(call.id, call)
	if err != nil {
		return nil, s.refusal(err)
	}
	defer stop()
	data, err := livekit.EncodeData(&pb.DataPacket{Value: &pb.DataPacket_RpcRequest{RpcRequest: &pb.RpcRequest{
		Id: call.id, Method: req.Method, Payload: req.Payload, ResponseTimeoutMs: uint32(patience.Milliseconds()), Version: rpcVersion,
	}}}, call.id, []string{req.DestinationIdentity}, true)
	if err != nil {
		return nil, s.refusal(err)
	}
	if err := st.Send(data); err != nil {
		return nil, s.refusal(err)
	}
	return call.wait(ctx, patience)
}

// call is one that waits for its answer. Its id also is the name that the answer is addressed to.
type call struct {
	id, of string
	heard  chan *pb.DataPacket // an acknowledgement and an answer; what more comes is dropped
}

// RoomEvent takes what is addressed to the call, from whom it was made to.
func (c *call) RoomEvent(e room.Event) {
	d, ok := e.(room.DataReceived)
	if !ok || d.Data.From.SID != c.of {
		return
	}
	packet := &pb.DataPacket{}
	if proto.Unmarshal(d.Data.Payload, packet) != nil {
		return
	}
	if packet.GetRpcAck().GetRequestId() != c.id && packet.GetRpcResponse().GetRequestId() != c.id {
		return
	}
	select {
	case c.heard <- packet:
	default:
	}
}

func (c *call) wait(ctx context.Context, patience time.Duration) (*pb.PerformRpcResponse, error) {
	acknowledged, answered := time.NewTimer(min(rpcAcknowledgement, patience)), time.NewTimer(patience)
	defer acknowledged.Stop()
	defer answered.Stop()
	for {
		select {
		case packet := <-c.heard:
			acknowledged.Stop()
			res := packet.GetRpcResponse()
			if res == nil {
				continue
			}
			if e := res.GetError(); e != nil {
				return nil, rpcError(e)
			}
			return &pb.PerformRpcResponse{Payload: res.GetPayload()}, nil
		case <-acknowledged.C:
			return nil, rpcError(&pb.RpcError{Code: 1501, Message: "Connection timeout"})
		case <-answered.C:
			return nil, rpcError(&pb.RpcError{Code: 1502, Message: "Response timeout"})
		case <-ctx.Done():
			return nil, twirp.Canceled.Error("the caller is gone")
		}
	}
}

// rpcError translates the error of a call, whose codes are LiveKit's (1400 and up: the caller's, 1500 and up: the other's).
func rpcError(e *pb.RpcError) error {
	code := twirp.Internal
	switch e.GetCode() {
	case 1400:
		code = twirp.InvalidArgument
	case 1401:
		code = twirp.NotFound
	case 1402:
		code = twirp.Malformed
	case 1403, 1404:
		code = twirp.Unimplemented
	case 1501, 1502:
		code = twirp.Canceled
	case 1503:
		code = twirp.Unavailable
	}
	err := code.Error(fmt.Sprintf("%d: %s", e.GetCode(), e.GetMessage())).WithMeta("rpc_code", fmt.Sprint(e.GetCode()))
	if e.GetData() != "" {
		err = err.WithMeta("rpc_data", e.GetData())
	}
	return err
}
