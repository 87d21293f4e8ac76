using KvStore.Server.Bench.Http2;

namespace KvStore.Server.Tests.Bench;

/// <summary>A call that writes down what happens to it.</summary>
internal sealed class RecordingStream : ClientStream
{
    public List<string> Happened { get; } = [];

    public override void OnData(ReadOnlySpan<byte> data, long now) =>
        Happened.Add($"data {(data.Length <= 16 ? Convert.ToHexString(data) : data.Length)}");

    public override void OnClosed(in CallOutcome outcome, long now) => Happened.Add($"closed {outcome}");
}
