namespace Orchestrator.Api;

/// <summary>A kind whatever its version.</summary>
public readonly record struct GroupKind(string Group, string Kind)
{
    /// <summary>Takes <c>Deployment.apps</c> or <c>Pod</c>.</summary>
    public static GroupKind Parse(string text)
    {
        int dot = text.IndexOf('.');
        return dot < 0 ? new GroupKind("", text) : new GroupKind(text[(dot + 1)..], text[..dot]);
    }

    /// <summary>As messages say it: <c>Deployment.apps</c>, <c>Pod</c>.</summary>
    public override string ToString() => Group.Length == 0 ? Kind : $"{Kind}.{Group}";
}
