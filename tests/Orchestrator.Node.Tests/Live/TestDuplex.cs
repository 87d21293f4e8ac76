using System.IO.Pipelines;
using System.Text;
using Orchestrator.Runtime.Streams;

namespace Orchestrator.Node.Tests.Live;

/// <summary>A connection in memory: the test has one end, what is tested the other.</summary>
internal sealed class TestDuplex
{
    private readonly Pipe _toServed = new();
    private readonly Pipe _fromServed = new();

    public TestDuplex() => Served = new ServedEnd(_toServed.Reader, _fromServed.Writer);

    public DuplexStream Served { get; }

    public async Task WriteAsync(string text) => await _toServed.Writer.WriteAsync(Encoding.UTF8.GetBytes(text));

    public void End() => _toServed.Writer.Complete();

    public async Task<string> ReadToEndAsync()
    {
        using var reader = new StreamReader(_fromServed.Reader.AsStream());
        return await reader.ReadToEndAsync();
    }

    private sealed class ServedEnd(PipeReader input, PipeWriter output) : DuplexStream
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            await input.AsStream(leaveOpen: true).ReadAsync(buffer, cancellationToken);

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            await output.WriteAsync(buffer, cancellationToken);

        public override ValueTask CompleteWritesAsync(CancellationToken ct = default) => output.CompleteAsync();
    }
}
