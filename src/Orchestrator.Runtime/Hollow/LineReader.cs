using System.Text;

namespace Orchestrator.Runtime.Hollow;

/// <summary>Lines of a stream, whole or, where they are too long, in pieces; a terminal's carriage returns end lines too.</summary>
internal sealed class LineReader(Stream source, int limitBytes)
{
    private readonly byte[] _buffer = new byte[limitBytes];
    private int _length;

    /// <returns>Null at the end.</returns>
    public async Task<string?> ReadAsync(CancellationToken ct)
    {
        while (true)
        {
            int end = _buffer.AsSpan(0, _length).IndexOfAny((byte)'\n', (byte)'\r');
            if (end >= 0)
                return Take(end, end + 1);
            if (_length == _buffer.Length)
                return Take(_length, _length);
            int count = await source.ReadAsync(_buffer.AsMemory(_length), ct);
            if (count == 0)
                return _length > 0 ? Take(_length, _length) : null;
            _length += count;
        }
    }

    private string Take(int textLength, int consumed)
    {
        string line = Encoding.UTF8.GetString(_buffer, 0, textLength);
        _buffer.AsSpan(consumed, _length - consumed).CopyTo(_buffer);
        _length -= consumed;
        return line;
    }
}
