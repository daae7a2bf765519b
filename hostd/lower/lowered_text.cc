// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/lower/lower.h"
#include "vmspec/base/join.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::hostd {

namespace {

using vmspec::DevicePolicy;
using vmspec::DeviceRule;
using vmspec::Flow;

std::string Number(std::uint64_t value) { return std::to_string(value); }

std::string HalfText(const DiodeHalf& half) {
  return "  " + half.unit + " uid " + Number(half.uid) + "\n    level " + half.level + " port " +
         half.port + "\n    socket " + half.socket + "\n    spool " + half.spool + "\n";
}

std::string FlowLimits(const Flow& flow) {
  std::string text = "  limits: " + Number(flow.max_file_bytes) + " bytes a file, " +
                     Number(flow.quota_bytes) + " bytes and " + Number(flow.max_files) +
                     " files in each spool";
  if (flow.files_per_hour != 0) text += ", " + Number(flow.files_per_hour) + " files an hour";
  return text + "\n";
}

std::string FlowConditions(const Flow& flow) {
  std::vector<std::string> words;
  for (const std::string& type : flow.types) words.push_back("type " + Printable(type));
  if (flow.confirm) {
    words.push_back("a person agrees within " + Number(flow.confirm_timeout_s) + " s");
  }
  if (flow.scanner == vmspec::Scanner::kClamav) words.emplace_back("scanned by clamav");
  if (flow.re_render) words.emplace_back("re-rendered");
  for (const std::string& to : flow.recipients) words.push_back("encrypted for " + Printable(to));
  if (!flow.sign_with.empty()) words.push_back("signed with " + Printable(flow.sign_with));
  for (const std::string& key : flow.decrypt_with) words.push_back("opened with " + Printable(key));
  return words.empty() ? "" : "  conditions: " + Joined(words) + "\n";
}

std::string DeviceText(const DeviceRule& rule) {
  std::string text = rule.device_class;
  if (!rule.path.empty()) text += " path " + Printable(rule.path);
  if (!rule.serial.empty()) text += " serial " + Printable(rule.serial);
  if (!rule.usb_id.empty()) text += " usb " + Printable(rule.usb_id);
  return text;
}

std::string OriginText(const vmspec::Origin& origin) { return Printable(origin.ToString()); }

std::string Heading(const std::string& what) { return "# " + what + "\n"; }

}  // namespace

std::vector<std::string> LimitsOf(const Grant& grant) {
  const DevicePolicy& policy = grant.policy;
  std::vector<std::string> limits;
  if (grant.device_class == vmspec::DeviceClass::kStorage) {
    limits.emplace_back(policy.write ? "writable" : "read-only");
  }
  if (policy.marked_only) limits.emplace_back("marked media only");
  if (policy.time_limit_s != 0)
    limits.push_back("at most " + Number(policy.time_limit_s) + " s at a time");
  if (policy.max_pages != 0) limits.push_back("at most " + Number(policy.max_pages) + " pages");
  if (policy.banner) limits.emplace_back("with a banner page");
  for (const std::string& party : policy.relying_parties)
    limits.push_back("for " + Printable(party));
  for (const std::string& id : policy.usb_ids) limits.push_back("usb " + Printable(id));
  return limits;
}

std::string RoutesText(const std::vector<DiodeRoute>& routes) {
  std::string text;
  for (const DiodeRoute& route : routes) {
    text += "flow " + route.flow.name + ": " + route.flow.from + " -> " + route.flow.to + ", " +
            std::string(vmspec::NameOf(route.flow.kind)) + " (" + OriginText(route.flow.origin) +
            ")\n" + FlowLimits(route.flow) + FlowConditions(route.flow) + HalfText(route.send) +
            "  pipe " + route.pipe + "\n" + HalfText(route.receive);
  }
  return text;
}

std::string DeviceRulesText(const std::vector<DeviceRule>& rules) {
  std::string text;
  for (const DeviceRule& rule : rules) {
    text += (rule.deny ? "deny " : "allow ") + DeviceText(rule) + " to " + rule.level + " (" +
            OriginText(rule.origin) + ")";
    text += rule.comment.empty() ? "\n" : " " + Printable(rule.comment) + "\n";
  }
  return text;
}

std::string GrantsText(const std::vector<Grant>& grants) {
  std::string text;
  for (const Grant& grant : grants) {
    std::vector<std::string> words = {std::string(vmspec::NameOf(grant.policy.mode))};
    for (std::string& limit : LimitsOf(grant)) words.push_back(std::move(limit));
    text += std::string(vmspec::NameOf(grant.device_class)) + " " +
            (grant.device.empty() ? "any" : grant.device) + ": " + Joined(words) + " (" +
            OriginText(grant.policy.origin) + ")";
    if (grant.denied_by) text += ", denied by " + OriginText(*grant.denied_by);
    text += "\n";
  }
  return text;
}

std::string LoweredText(const Lowered& lowered) {
  auto part = [](const std::string& what, const std::string& text) {
    return Heading(what) + (text.empty() ? "none\n" : text) + "\n";
  };
  return part("domain of " + lowered.level + ", number " + Number(lowered.index),
              PrintableLines(lowered.domain)) +
         part("network rules", PrintableLines(lowered.ruleset)) +
         part("flows", RoutesText(lowered.routes)) +
         part("device rules", DeviceRulesText(lowered.device_rules)) + Heading("grants") +
         (lowered.grants.empty() ? "none\n" : GrantsText(lowered.grants));
}

}  // namespace bulkhead::hostd
