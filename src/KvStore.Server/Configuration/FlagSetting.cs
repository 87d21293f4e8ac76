namespace KvStore.Server.Configuration;

/// <summary>A value that somebody gave a flag.</summary>
/// <param name="Spelling">The name as it was written, which may be a former one.</param>
internal sealed record FlagSetting(Flag Flag, string Spelling, string Text)
{
    /// <summary>Of a boolean: it is true.</summary>
    public bool IsOn => GoSyntax.TryParseBool(Text, out bool value) && value;

    /// <summary>As a flag, for people to look at; a secret's value is left out.</summary>
    public override string ToString() => $"--{Spelling}={(Flag.IsSecret ? "(secret)" : Text)}";
}
