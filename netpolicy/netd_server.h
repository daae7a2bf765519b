// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "netpolicy/level_networks.h"
#include "netpolicy/netd_protocol.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::netpolicy {

/// One decoded request to its answer: whatever fails is in the answer.
Answer Serve(LevelNetworks& networks, const Request& request);

/// Takes one connection from `client`, serves its one request and closes. Whoever is neither hostd
/// nor root gets a refusal and is not read from.
/// @return what a log should say: a refused peer, a frame that is no request
Status ServeConnection(LevelNetworks& networks, UniqueFd client);

}  // namespace bulkhead::netpolicy
