using System.Globalization;

namespace Orchestrator.Api;

/// <summary>Where in an object: <c>FieldPath.Root.Child("spec", "containers").Index(0).Child("name")</c> is
/// <c>spec.containers[0].name</c>.</summary>
/// <remarks>Each step is one small object that refers to its parent; the text is made only when an error is.</remarks>
public sealed class FieldPath
{
    private readonly FieldPath? _parent;
    private readonly string _step;

    private FieldPath(FieldPath? parent, string step)
    {
        _parent = parent;
        _step = step;
    }

    /// <summary>The object itself; its text is empty.</summary>
    public static FieldPath Root { get; } = new(null, "");

    /// <summary>A path that begins with a field: <c>FieldPath.Of("metadata", "name")</c>.</summary>
    public static FieldPath Of(string name, params ReadOnlySpan<string> more) => Root.Child(name, more);

    public FieldPath Child(string name, params ReadOnlySpan<string> more)
    {
        // A field without a name is the object as a whole, which Kubernetes writes so.
        var path = new FieldPath(this, name.Length == 0 ? "[]" : name);
        foreach (string next in more)
            path = new FieldPath(path, next);
        return path;
    }

    public FieldPath Index(int index) => new(this, string.Create(CultureInfo.InvariantCulture, $"[{index}]"));

    public FieldPath Key(string key) => new(this, $"[{key}]");

    public override string ToString()
    {
        if (_parent is null)
            return _step;
        string parent = _parent.ToString();
        return parent.Length == 0 || _step.StartsWith('[') ? parent + _step : $"{parent}.{_step}";
    }
}
