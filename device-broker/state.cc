// SPDX-License-Identifier: GPL-2.0-or-later
#include "device-broker/state.h"

namespace bulkhead::broker {

namespace {

using State = DeviceState;

struct Transition {
  State from;
  Event event;
  State to;
};
constexpr Transition kTransitions[] = {
    {State::kHost, Event::kAuthorise, State::kAuthorising},
    {State::kAuthorising, Event::kAbandon, State::kHost},
    {State::kAuthorising, Event::kBind, State::kBound},
    {State::kBound, Event::kAttach, State::kInUse},
    {State::kBound, Event::kTakeBack, State::kDraining},
    {State::kInUse, Event::kTakeBack, State::kDraining},
    {State::kDraining, Event::kLetGo, State::kReset},
    {State::kReset, Event::kClean, State::kHost},
};

}  // namespace

const char* DeviceStateName(DeviceState state) {
  switch (state) {
    case State::kHost:
      return "host";
    case State::kAuthorising:
      return "authorising";
    case State::kBound:
      return "bound";
    case State::kInUse:
      return "in-use";
    case State::kDraining:
      return "draining";
    case State::kReset:
      return "reset";
  }
  return "unknown";
}

const char* EventName(Event event) {
  switch (event) {
    case Event::kAuthorise:
      return "authorise";
    case Event::kAbandon:
      return "abandon";
    case Event::kBind:
      return "bind";
    case Event::kAttach:
      return "attach";
    case Event::kTakeBack:
      return "take back";
    case Event::kLetGo:
      return "let go";
    case Event::kClean:
      return "clean";
  }
  return "unknown";
}

std::optional<DeviceState> After(DeviceState state, Event event) {
  for (const Transition& t : kTransitions) {
    if (t.from == state && t.event == event) return t.to;
  }
  return std::nullopt;
}

Status Ledger::Authorise(const Medium& medium, const std::string& level, bool write) {
  if (const Grant* grant = Find(medium.id)) {
    return Fail(ErrorCode::kBusy, medium.id + " is lent to level " + grant->level + " (" +
                                      DeviceStateName(grant->state) + ")");
  }
  if (grants_.size() >= kMaxGrants) {
    return Fail(ErrorCode::kLimit, std::to_string(kMaxGrants) + " devices are lent already");
  }
  grants_[medium.id] = Grant{level,           write,        *After(State::kHost, Event::kAuthorise),
                             medium.identity, medium.title, medium.serial};
  return {};
}

Status Ledger::Apply(const std::string& id, Event event) {
  auto found = grants_.find(id);
  State from = found == grants_.end() ? State::kHost : found->second.state;
  // Authorise() alone makes grants: it knows for whom.
  auto to = found == grants_.end() ? std::nullopt : After(from, event);
  if (!to) {
    return Fail(ErrorCode::kConflict, std::string("cannot ") + EventName(event) + " " + id +
                                          ": its state is " + DeviceStateName(from));
  }
  if (*to == State::kHost) {
    grants_.erase(found);
  } else {
    found->second.state = *to;
  }
  return {};
}

const Grant* Ledger::Find(const std::string& id) const {
  auto found = grants_.find(id);
  return found == grants_.end() ? nullptr : &found->second;
}

void Ledger::Restore(const std::string& id, Grant grant) {
  bool half = grant.state == State::kAuthorising || grant.state == State::kReset ||
              grant.state == State::kHost;
  if (!half) grants_[id] = std::move(grant);
}

}  // namespace bulkhead::broker
