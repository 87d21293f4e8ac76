using System.Buffers.Binary;
using System.ComponentModel;

namespace Orchestrator.Runtime.Proxy.Netfilter;

/// <summary>Counts what others do to the rules of a network namespace, so that nothing need be looked at while nobody does.</summary>
/// <remarks>The kernel numbers the states of all rules: each transaction of anybody, on any table, makes the number one higher.</remarks>
internal sealed class ForeignChanges(NetfilterSocket socket)
{
    private const ushort GetGeneration = 10 << 8 | 16;
    private const ushort Id = 1;

    private uint? _generation;

    /// <summary>How often somebody else was seen to have changed something.</summary>
    public long Count { get; private set; }

    /// <exception cref="Win32Exception">The kernel does not answer.</exception>
    public void Look()
    {
        uint now = Read();
        if (_generation is { } known && now != known)
            Count++;
        _generation = now;
    }

    /// <summary>Runs one transaction of our own.</summary>
    public async Task StepAsync(Func<Task> transaction)
    {
        Look();
        uint before = _generation!.Value;
        try
        {
            await transaction();
        }
        finally
        {
            uint now = Read();
            // A refused one does not count; were there more than ours, somebody was at work meanwhile.
            if (now != before && now != before + 1)
                Count++;
            _generation = now;
        }
    }

    private uint Read()
    {
        uint generation = 0;
        socket.Ask(GetGeneration, NetfilterSocket.Request, family: 0, [], answer =>
        {
            if (NetfilterSocket.Find(answer.Span, Id) is { Length: 4 } id)
                generation = BinaryPrimitives.ReadUInt32BigEndian(id);
        });
        return generation;
    }
}
