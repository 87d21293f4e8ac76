namespace Orchestrator.Control.BootstrapTokens;

/// <summary>All that a machine must be told to join, beside the server's address: whom it may believe, and what it may ask by.</summary>
/// <remarks>
/// k3s's form, which its users know: <c>K10</c>, the SHA-256 of the certificate (DER, in hexadecimal) of the authority that has signed the API
/// server's, <c>::</c>, and a bootstrap token. So a machine need not believe whoever answers at the address.
/// </remarks>
public sealed record JoinToken(string AuthorityHash, BootstrapToken Token)
{
    private const string Prefix = "K10";
    private const string Separator = "::";
    private const int HashLength = 64;

    /// <param name="problem">What is wrong with the text, where the result is null: the end of a sentence about it.</param>
    public static JoinToken? Parse(string text, out string problem)
    {
        problem = "";
        text = text.Trim();
        if (BootstrapToken.Parse(text) is not null)
        {
            problem = "lacks the hash of the cluster's authority, without which nobody who answers could be believed: give all that 'orchestrator token create' printed";
            return null;
        }
        int end = text.IndexOf(Separator, StringComparison.Ordinal);
        if (!text.StartsWith(Prefix, StringComparison.Ordinal) || end != Prefix.Length + HashLength
            || !text[Prefix.Length..end].All(char.IsAsciiHexDigitLower) || BootstrapToken.Parse(text[(end + Separator.Length)..]) is not { } token)
        {
            problem = "has not the form of one (K10HASH::ID.SECRET): give all that 'orchestrator token create' printed";
            return null;
        }
        return new JoinToken(text[Prefix.Length..end], token);
    }

    public override string ToString() => $"{Prefix}{AuthorityHash}{Separator}{Token}";
}
