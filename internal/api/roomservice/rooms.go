package roomservice

import (
	"cmp"
	"context"
	"slices"
	"time"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/lkinfo"
)

// CreateRoom opens a room. One that is open already is given as it is.
func (s *service) CreateRoom(ctx context.Context, req *pb.CreateRoomRequest) (*pb.Room, error) {
	if err := mayCreate(ctx); err != nil {
		return nil, err
	}
	st, err := s.house.Open(req.Name, room.Settings{
		EmptyTimeout: time.Duration(req.EmptyTimeout) * time.Second, DepartureTimeout: time.Duration(req.DepartureTimeout) * time.Second,
		MaxParticipants: int(req.MaxParticipants), Metadata: req.Metadata,
	})
	if err != nil {
		return nil, s.refusal(err)
	}
	return lkinfo.Room(st.Info()), nil
}

// ListRooms lists running rooms, or those of some names.
func (s *service) ListRooms(ctx context.Context, req *pb.ListRoomsRequest) (*pb.ListRoomsResponse, error) {
	if err := mayList(ctx); err != nil {
		return nil, err
	}
	res := &pb.ListRoomsResponse{}
	for _, st := range s.house.Studios() {
		if info := st.Info(); len(req.Names) == 0 || slices.Contains(req.Names, info.Name) {
			res.Rooms = append(res.Rooms, lkinfo.Room(info))
		}
	}
	return res, nil
}

// DeleteRoom ends a room for everybody in it, and forgets what was kept of it.
func (s *service) DeleteRoom(ctx context.Context, req *pb.DeleteRoomRequest) (*pb.DeleteRoomResponse, error) {
	if err := mayCreate(ctx); err != nil {
		return nil, err
	}
	if err := room.CheckName(req.Room); err != nil {
		return nil, s.refusal(err)
	}
	if _, err := s.house.Studio(req.Room); err != nil {
		if _, kept, err := s.house.Policies().Find(req.Room); err != nil || !kept {
			return nil, s.refusal(cmp.Or(err, studio.ErrNoRoom))
		}
	}
	if err := s.house.Delete(req.Room); err != nil {
		return nil, s.refusal(err)
	}
	return &pb.DeleteRoomResponse{}, nil
}

// UpdateRoomMetadata tells everybody in a room its new metadata.
func (s *service) UpdateRoomMetadata(ctx context.Context, req *pb.UpdateRoomMetadataRequest) (*pb.Room, error) {
	st, err := s.studio(ctx, req.Room)
	if err != nil {
		return nil, err
	}
	if err := st.SetMetadata(req.Metadata); err != nil {
		return nil, s.refusal(err)
	}
	return lkinfo.Room(st.Info()), nil
}

// studio finds a running room for those who may administer it.
func (s *service) studio(ctx context.Context, roomName string) (*studio.Studio, error) {
	if err := mayAdmin(ctx, roomName); err != nil {
		return nil, err
	}
	st, err := s.house.Studio(roomName)
	if err != nil {
		return nil, s.refusal(err)
	}
	return st, nil
}
