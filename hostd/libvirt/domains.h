// SPDX-License-Identifier: GPL-2.0-or-later
/// Finding domains: which are ours, which only carry our names. Blocking, any thread.
#pragma once

#include <optional>
#include <string>

#include "hostd/libvirt/domain_reader.h"
#include "hostd/libvirt/hypervisor.h"
#include "hostd/libvirt/libvirt_error.h"

namespace bulkhead::hostd {

/// A domain that has the name of `level`.
struct FoundDomain {
  DomainPtr domain;
  std::optional<DomainFacts> facts;  ///< none: not ours
};

/// The domain with the name of `level`, ours or not; a null domain if there is none.
Result<FoundDomain> LookUp(virConnectPtr connection, const std::string& level);

/// As LookUp; kNotFound unless it is ours.
Result<FoundDomain> LookUpOurs(virConnectPtr connection, const std::string& level);

Result<Listing> ListDomains(virConnectPtr connection);

/// Takes the definitions of our domains off the disk. Only a start that was cut off leaves one; a
/// domain that runs goes on as a transient one.
Status UndefineLeftovers(virConnectPtr connection);

/// kExists: the sentence for a domain that has our name and is not ours.
std::unexpected<Error> FailForeign(const std::string& level);

}  // namespace bulkhead::hostd
