namespace Orchestrator.Api;

/// <summary>A resource whatever its version.</summary>
public readonly record struct GroupResource(string Group, string Resource)
{
    /// <summary>Takes <c>deployments.apps</c> or <c>pods</c>.</summary>
    public static GroupResource Parse(string text)
    {
        int dot = text.IndexOf('.');
        return dot < 0 ? new GroupResource("", text) : new GroupResource(text[(dot + 1)..], text[..dot]);
    }

    /// <summary>As messages say it: <c>deployments.apps</c>, <c>pods</c>.</summary>
    public override string ToString() => Group.Length == 0 ? Resource : $"{Resource}.{Group}";
}
