// SPDX-License-Identifier: GPL-2.0-or-later
/// Any bytes as what a hostile peer writes: framing holds its bounds whatever the pieces in which
/// they come, each message that is taken is taken whole, and text is harmless once it is shown.
///
/// The first byte says how to read (bit 0: a stream that may be joined midway) and, above it, how
/// many bytes come at a time; the rest is the stream.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "netpolicy/netd_protocol.h"
#include "vmspec/base/audit_record.h"
#include "vmspec/base/control_messages.h"
#include "vmspec/base/report_messages.h"
#include "vmspec/base/sanitize.h"
#include "vmspec/base/transfer_messages.h"
#include "vmspec/base/transfer_name.h"

namespace {

using namespace bulkhead;

constexpr std::uint32_t kMaxPayload = 4096;

void Demand(bool condition) {
  if (!condition) std::abort();
}

std::string_view Text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// What a decoder takes, its encoder gives back byte for byte.
template <typename Decode, typename Encode>
void RoundTrip(const Frame& frame, Decode decode, Encode encode) {
  auto message = decode(frame);
  if (!message) return Demand(message.error().code == ErrorCode::kCorrupt);
  Demand(encode(*message) == EncodeFrame(frame.type, frame.payload));
}

void DecodePolicyIn(const Frame& frame) {
  auto policy = netpolicy::DecodePolicy(frame.payload);
  if (policy) Demand(netpolicy::EncodePolicy(*policy) == frame.payload);
}

void DecodeAll(const Frame& frame) {
  RoundTrip(frame, control::DecodeGuest,
            [](const control::GuestMessage& m) { return control::Encode(m); });
  RoundTrip(frame, control::DecodeHost,
            [](const control::HostMessage& m) { return control::Encode(m); });
  RoundTrip(frame, report::DecodeToHostd, [](const report::ToHostd& m) { return Encode(m); });
  RoundTrip(frame, report::DecodeFromHostd, [](const report::FromHostd& m) { return Encode(m); });
  RoundTrip(frame, transfer::Decode, [](const transfer::Message& m) { return Encode(m); });
  RoundTrip(frame, netpolicy::DecodeRequest, [](const netpolicy::Request& m) { return Encode(m); });
  RoundTrip(frame, netpolicy::DecodeAnswer, [](const netpolicy::Answer& m) { return Encode(m); });
  DecodePolicyIn(frame);
}

/// Frames of the stream when it comes `step` bytes at a time; how many, and bytes skipped.
std::pair<std::size_t, std::uint64_t> ReadStream(ByteView in, std::uint16_t resync,
                                                 std::size_t step, bool decode) {
  FrameReader reader(kMaxPayload, resync);
  std::size_t frames = 0;
  while (!in.empty()) {
    auto taken = reader.Feed(in.first(std::min(step, in.size())));
    if (!taken) return {frames, reader.skipped_bytes()};
    Demand(*taken <= step);
    in = in.subspan(*taken);
    auto frame = reader.Next();
    Demand(*taken > 0 || frame);
    if (!frame) continue;
    Demand(frame->payload.size() <= kMaxPayload);
    Demand(resync == 0 || frames > 0 || frame->type == resync);
    ++frames;
    if (decode) DecodeAll(*frame);
  }
  return {frames, reader.skipped_bytes()};
}

void ShowText(std::string_view text) {
  std::string shown = Printable(text, 2000);
  Demand(shown.size() <= 2003);
  // Its own backslashes aside, there is nothing left to show.
  std::erase(shown, '\\');
  Demand(IsPrintable(shown));
  std::string lines = PrintableLines(text);
  Demand(PrintableLines(lines) == lines);
  Demand(JsonString(text).find('\n') == std::string::npos);
  if (CheckTransferName(text)) Demand(IsPrintable(text) && text.find('/') == text.npos);
}

/// A record holds any text, and the chain over it stands.
void Record(std::string_view text) {
  AuditRecord record;
  record.seq = 1;
  record.actor = record.subject = text;
  record.detail = {{"detail", std::string(text)}};
  AuditVerdict verdict = VerifyAuditLog(ChainRecord(record, {}).line + "\n");
  Demand(verdict.records == 1 && verdict.bad_line == 0 && !verdict.torn_tail);
  VerifyAuditLog(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  ByteView stream(data + 1, size - 1);
  std::uint16_t resync = (data[0] & 1) != 0 ? transfer::StreamStart::kType : std::uint16_t{0};
  std::size_t step = (data[0] >> 1) + 1U;
  // How the bytes are cut into pieces changes nothing.
  Demand(ReadStream(stream, resync, step, true) == ReadStream(stream, resync, 65536, false));
  std::string_view text = Text(stream).substr(0, 200);  // longer texts only cost time
  ShowText(text), Record(text);
  if (auto bytes = Unhex(Text(stream))) Demand(bytes->size() * 2 == stream.size());
  return 0;
}
