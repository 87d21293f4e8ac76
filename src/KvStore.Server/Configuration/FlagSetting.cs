namespace KvStore.Server.Configuration;

/// <summary>A value that somebody gave a flag.</summary>
/// <param name="Spelling">The name as it was written, which may be a former one.</param>
internal sealed record FlagSetting(Flag Flag, string Spelling, string Text)
{
    public bool IsDefault => Text == Flag.Default;
}
