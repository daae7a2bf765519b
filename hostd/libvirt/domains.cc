// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/libvirt/domains.h"

#include <libvirt/virterror.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "vmspec/base/sanitize.h"

namespace bulkhead::hostd {

namespace {

constexpr std::string_view kPrefix = "bulkhead-";

/// The domain's XML as it is now; "" when it went away meanwhile.
Result<std::string> XmlOf(virDomainPtr domain) {
  std::unique_ptr<char, decltype([](char* text) { std::free(text); })> xml(
      virDomainGetXMLDesc(domain, 0));
  if (xml) return std::string(xml.get());
  if (LastLibvirtCode() == VIR_ERR_NO_DOMAIN) return std::string();
  return FailLibvirt("read a domain");
}

DomainState StateOf(virDomainPtr domain) {
  int state = 0;
  if (virDomainGetState(domain, &state, nullptr, 0) != 0) return DomainState::kShutOff;
  switch (state) {
    case VIR_DOMAIN_RUNNING:
    case VIR_DOMAIN_BLOCKED:
      return DomainState::kRunning;
    case VIR_DOMAIN_PAUSED:
    case VIR_DOMAIN_PMSUSPENDED:
      return DomainState::kPaused;
    default:
      return DomainState::kShutOff;
  }
}

Result<std::vector<DomainPtr>> Domains(virConnectPtr connection, unsigned flags) {
  virDomainPtr* raw = nullptr;
  int count = virConnectListAllDomains(connection, &raw, flags);
  if (count < 0) return FailLibvirt("list domains");
  std::vector<DomainPtr> domains;
  for (int i = 0; i < count; ++i) domains.emplace_back(raw[i]);
  std::free(raw);
  return domains;
}

DomainInfo Describe(virDomainPtr domain, DomainFacts facts) {
  char uuid[VIR_UUID_STRING_BUFLEN] = "";
  virDomainGetUUIDString(domain, uuid);
  return {std::move(facts.level),
          facts.index,
          uuid,
          StateOf(domain),
          std::move(facts.image_version),
          facts.created_unix_s,
          std::move(facts.media)};
}

Status AddTo(Listing& listing, virDomainPtr domain) {
  std::string name = virDomainGetName(domain);
  if (!name.starts_with(kPrefix)) return {};
  auto xml = XmlOf(domain);
  if (!xml) return Propagate(xml, Printable(name));
  if (xml->empty()) return {};
  if (auto facts = ReadDomain(*xml)) {
    listing.ours.push_back(Describe(domain, std::move(*facts)));
  } else {
    listing.foreign.push_back({Printable(name), Printable(name.substr(kPrefix.size()))});
  }
  return {};
}

}  // namespace

Result<FoundDomain> LookUp(virConnectPtr connection, const std::string& level) {
  FoundDomain found{DomainPtr(virDomainLookupByName(connection, DomainName(level).c_str())), {}};
  if (!found.domain) {
    if (LastLibvirtCode() == VIR_ERR_NO_DOMAIN) return found;
    return FailLibvirt("look up level " + level);
  }
  auto xml = XmlOf(found.domain.get());
  if (!xml) return Propagate(xml, "level " + level);
  if (xml->empty()) return FoundDomain{};
  found.facts = ReadDomain(*xml);
  return found;
}

Result<FoundDomain> LookUpOurs(virConnectPtr connection, const std::string& level) {
  auto found = LookUp(connection, level);
  if (found && (!found->domain || !found->facts)) {
    return Fail(ErrorCode::kNotFound, "level " + level + " has no virtual machine");
  }
  return found;
}

Result<Listing> ListDomains(virConnectPtr connection) {
  auto domains = Domains(connection, 0);
  if (!domains) return Propagate(domains);
  Listing listing;
  for (const DomainPtr& domain : *domains) {
    if (auto s = AddTo(listing, domain.get()); !s) return Propagate(s);
  }
  std::ranges::sort(listing.ours, {}, &DomainInfo::level);
  std::ranges::sort(listing.foreign, {}, &ForeignDomain::name);
  return listing;
}

Status UndefineLeftovers(virConnectPtr connection) {
  auto domains = Domains(connection, VIR_CONNECT_LIST_DOMAINS_PERSISTENT);
  if (!domains) return Propagate(domains);
  for (const DomainPtr& domain : *domains) {
    if (!std::string_view(virDomainGetName(domain.get())).starts_with(kPrefix)) continue;
    auto xml = XmlOf(domain.get());
    if (!xml) return Propagate(xml);
    if (!ReadDomain(*xml)) continue;
    if (virDomainUndefine(domain.get()) != 0 && LastLibvirtCode() != VIR_ERR_NO_DOMAIN) {
      return FailLibvirt("remove what a start that was cut off has left");
    }
  }
  return {};
}

std::unexpected<Error> FailForeign(const std::string& level) {
  std::string name = DomainName(level);
  return Fail(
      ErrorCode::kExists,
      "a virtual machine called " + name +
          " exists that Bulkhead did not make; it was left alone. Remove it (virsh destroy " +
          name + ", virsh undefine " + name + ") or give the level another name");
}

}  // namespace bulkhead::hostd
