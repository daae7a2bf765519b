// SPDX-License-Identifier: GPL-2.0-or-later
#include "netpolicy/ruleset_text.h"

#include <arpa/inet.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>

#include "vmspec/base/sha256.h"

namespace bulkhead::netpolicy {

namespace {

enum class Form { kInterface, kNumber, kMac, kIp4, kIp6, kRaw, kState, kDirection };
struct Word {
  Field field;
  const char* nft;
  Form form;
};

constexpr Word kWords[] = {
    {Field::kInputInterface, "iifname", Form::kInterface},
    {Field::kOutputInterface, "oifname", Form::kInterface},
    {Field::kFamily, "meta nfproto", Form::kNumber},
    {Field::kTransport, "meta l4proto", Form::kNumber},
    {Field::kEtherType, "meta protocol", Form::kRaw},
    {Field::kConnState, "ct state", Form::kState},
    {Field::kConnDirection, "ct direction", Form::kDirection},
    // As "ether saddr" nft would also ask whether the device is an Ethernet; a tap is.
    {Field::kEtherSource, "@ll,48,48", Form::kRaw},
    {Field::kArpForm, "@nh,0,48", Form::kRaw},
    {Field::kArpSenderMac, "arp saddr ether", Form::kMac},
    {Field::kArpSenderIp, "arp saddr ip", Form::kIp4},
    {Field::kIp4Source, "ip saddr", Form::kIp4},
    {Field::kIp4Destination, "ip daddr", Form::kIp4},
    {Field::kIp6Source, "ip6 saddr", Form::kIp6},
    {Field::kIp6Destination, "ip6 daddr", Form::kIp6},
    {Field::kIp6HopLimit, "ip6 hoplimit", Form::kNumber},
    {Field::kDestinationPort, "th dport", Form::kNumber},
    {Field::kIcmpType, "icmp type", Form::kNumber},
    {Field::kIcmp6Type, "icmpv6 type", Form::kNumber},
    {Field::kNdTarget, "@th,64,128", Form::kRaw},
};

const Word& WordOf(Field field) {
  for (const Word& word : kWords) {
    if (word.field == field) return word;
  }
  std::abort();  // The table has every field; a test walks it.
}

std::string InterfaceText(const Bytes& value) {
  std::string name(value.begin(), value.end());
  if (value.size() < 16) return "\"" + name + "*\"";
  return "\"" + std::string(name.c_str()) + "\"";
}

std::string AddressText(int family, const Bytes& value) {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(family, value.data(), text, sizeof text);
  return text;
}

std::string MacText(const Bytes& value) {
  std::string out;
  for (std::uint8_t byte : value) out += (out.empty() ? "" : ":") + Hex(ByteView(&byte, 1));
  return out;
}

std::string NumberText(const Bytes& value) {
  unsigned v = 0;
  for (std::uint8_t byte : value) v = v << 8 | byte;
  return std::to_string(v);
}

std::string StateText(const Bytes& mask) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, mask.data(), sizeof bits);
  std::string out;
  auto add = [&](std::uint32_t bit, const char* word) {
    if (bits & bit) out += (out.empty() ? "" : ",") + std::string(word);
  };
  add(kCtInvalid, "invalid"), add(kCtEstablished, "established"), add(kCtRelated, "related");
  return out;
}

std::string ValueText(Form form, const Bytes& value) {
  switch (form) {
    case Form::kInterface:
      return InterfaceText(value);
    case Form::kMac:
      return MacText(value);
    case Form::kIp4:
      return AddressText(AF_INET, value);
    case Form::kIp6:
      return AddressText(AF_INET6, value);
    case Form::kRaw:
      return "0x" + Hex(value);
    case Form::kDirection:
      return value[0] == 1 ? "reply" : "original";
    case Form::kNumber:
    case Form::kState:
      break;
  }
  return NumberText(value);
}

std::string PrefixLengthText(const Bytes& mask) {
  int bits = 0;
  for (std::uint8_t byte : mask) bits += std::popcount(byte);
  return "/" + std::to_string(bits);
}

std::string MatchText(const Match& match) {
  const Word& word = WordOf(match.field);
  std::string out = word.nft;
  if (!match.set.empty()) return out + (match.negate ? " != @" : " @") + match.set;
  // A state is written positively: its form is "(state & mask) is not zero".
  if (word.form == Form::kState) return out + " " + StateText(match.mask);
  if (match.value.empty()) return out;
  out += (match.negate ? " != " : " ") + ValueText(word.form, match.value);
  if (!match.last.empty()) out += "-" + ValueText(word.form, match.last);
  if (!match.mask.empty()) out += PrefixLengthText(match.mask);
  return out;
}

std::string ActionText(const Rule& rule) {
  switch (rule.action) {
    case Action::kAccept:
      return "accept";
    case Action::kDrop:
      return "drop";
    case Action::kMasquerade:
      return "masquerade";
    case Action::kDispatch:
      return "vmap @" + rule.map;
  }
  return "";
}

std::string HookText(const Hook& hook) {
  constexpr const char* kPoints[] = {"input", "forward", "output", "postrouting", "ingress"};
  std::string out = hook.point == HookPoint::kPostrouting ? "type nat" : "type filter";
  out += std::string(" hook ") + kPoints[static_cast<std::size_t>(hook.point)];
  if (!hook.device.empty()) out += " device \"" + hook.device + "\"";
  out += " priority " + std::to_string(hook.priority) + "; policy ";
  return out + (hook.drop ? "drop;" : "accept;");
}

const char* FamilyText(Family family) { return family == Family::kInet ? "inet" : "netdev"; }

std::string TableOf(Family family) { return std::string(FamilyText(family)) + " " + kTableName; }

std::string ElementText(const Element& element) {
  std::string out = "\"" + element.interface + "\"";
  return element.chain.empty() ? out : out + " : goto " + element.chain;
}

std::string MapText(const MapDeclaration& map, const std::vector<LevelRules>& levels) {
  std::string out = map.verdicts ? "  map " + map.name + " { type ifname : verdict;"
                                 : "  set " + map.name + " { type ifname;";
  std::string elements;
  for (const LevelRules& level : levels) {
    for (const Element& element : level.elements) {
      if (element.map != map.name) continue;
      elements += (elements.empty() ? "" : ", ") + ElementText(element);
    }
  }
  if (!elements.empty()) out += " elements = { " + elements + " };";
  return out + " }\n";
}

}  // namespace

std::string RuleText(const Rule& rule) {
  std::string out;
  for (const Match& match : rule.matches) out += MatchText(match) + " ";
  if (rule.over) {
    out += "limit rate over " + std::to_string(rule.over->bytes_per_s) + " bytes/second burst " +
           std::to_string(rule.over->burst_bytes) + " bytes ";
  }
  if (!rule.origin.empty()) out += "counter ";
  out += ActionText(rule);
  return rule.origin.empty() ? out : out + " comment \"" + rule.origin + "\"";
}

std::string ChainText(const Chain& chain) {
  std::string out = "  chain " + chain.name + " {\n";
  if (chain.hook) out += "    " + HookText(*chain.hook) + "\n";
  for (const Rule& rule : chain.rules) out += "    " + RuleText(rule) + "\n";
  return out + "  }\n";
}

std::string RulesetText(const Ruleset& ruleset) {
  std::string out;
  for (Family family : {Family::kInet, Family::kNetdev}) {
    out += "table " + TableOf(family) + " {\n";
    // Chains before the maps that lead to them, and those before the chains that look in them.
    for (const LevelRules& level : ruleset.levels) {
      for (const Chain& chain : level.chains) {
        if (chain.family == family) out += ChainText(chain);
      }
    }
    if (family == Family::kInet) {
      for (const MapDeclaration& map : ruleset.frame.maps) out += MapText(map, ruleset.levels);
    }
    for (const Chain& chain : ruleset.frame.chains) {
      if (chain.family == family) out += ChainText(chain);
    }
    out += "}\n";
  }
  return out;
}

std::string LevelChangeText(const LevelRules& level) {
  std::string out;
  for (const Chain& chain : level.chains) {
    std::string place = TableOf(chain.family) + " " + chain.name;
    out += "flush chain " + place + "\n";
    for (const Rule& rule : chain.rules) out += "add rule " + place + " " + RuleText(rule) + "\n";
  }
  for (const Element& element : level.elements) {
    out += "add element " + TableOf(Family::kInet) + " " + element.map + " { " +
           ElementText(element) + " }\n";
  }
  return out;
}

std::array<std::uint8_t, 16> ChainDigest(const Chain& chain) {
  std::string text = ChainText(chain);
  Sha256Digest whole =
      Sha256Of(ByteView(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
  std::array<std::uint8_t, 16> out{};
  std::copy_n(whole.begin(), out.size(), out.begin());
  return out;
}

}  // namespace bulkhead::netpolicy
