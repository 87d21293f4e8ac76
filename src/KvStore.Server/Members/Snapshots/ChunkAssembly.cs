using KvStore.Raft;

namespace KvStore.Server.Members.Snapshots;

/// <summary>Puts the chunks of a body together from bytes that come in pieces of any size, and checks them.</summary>
internal sealed class ChunkAssembly
{
    private byte[] _bytes = new byte[SnapshotFormat.ChunkHeaderBytes];
    private int _length;
    private SnapshotChunkHeader? _header;

    /// <summary>Whether a whole chunk is there: <see cref="Payload"/>, until <see cref="Clear"/>.</summary>
    public bool IsWhole => _header is { } header && _length == SnapshotFormat.ChunkHeaderBytes + header.Length;

    public SnapshotChunkHeader Header
    {
        get
        {
            Invariant.Holds(_header is not null);
            return _header.Value;
        }
    }

    public ReadOnlySpan<byte> Payload => _bytes.AsSpan(SnapshotFormat.ChunkHeaderBytes, Header.Length);

    public void Clear() => (_length, _header) = (0, null);

    /// <returns>How many of the bytes were taken: those that the chunk still lacked, at most.</returns>
    /// <exception cref="InvalidDataException">The header is damaged.</exception>
    public int Take(ReadOnlySpan<byte> bytes)
    {
        int wanted = SnapshotFormat.ChunkHeaderBytes + (_header?.Length ?? 0);
        int taken = Math.Min(wanted - _length, bytes.Length);
        if (_length + taken > _bytes.Length)
            Array.Resize(ref _bytes, wanted);
        bytes[..taken].CopyTo(_bytes.AsSpan(_length));
        _length += taken;
        if (_header is null && _length == SnapshotFormat.ChunkHeaderBytes)
            _header = SnapshotFormat.ReadHeader(_bytes.AsSpan(0, _length));
        return taken;
    }

    /// <exception cref="InvalidDataException">The chunk is not what was sent behind the chunk with this chain.</exception>
    public void Check(uint chainBefore)
    {
        if (SnapshotFormat.Chain(chainBefore, _bytes, Payload) != Header.Chain)
            throw new InvalidDataException($"the snapshot is damaged on its way: chunk {Header.Number} fails its check");
    }
}
