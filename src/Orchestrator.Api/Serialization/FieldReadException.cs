using System.Text.Json;

namespace Orchestrator.Api;

/// <summary>The value that begins at a byte of the text does not fit its field.</summary>
internal sealed class FieldReadException(long tokenStart)
    : JsonException(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"the value at byte {tokenStart} does not fit its field"))
{
    /// <summary>Counted from where the reader began.</summary>
    public long TokenStart { get; } = tokenStart;
}
