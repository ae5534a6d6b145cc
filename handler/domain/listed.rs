//! Enums that list their own variants: one added to the enum is in the list too, with nothing to forget. Must not know any of them.

/// Declares an enum with `ALL`, every variant in the order of declaration.
macro_rules! listed {
    ($(#[$of_enum:meta])* $visibility:vis enum $name:ident { $($(#[$of_variant:meta])* $variant:ident,)+ }) => {
        $(#[$of_enum])*
        $visibility enum $name { $($(#[$of_variant])* $variant,)+ }

        impl $name {
            /// Every variant, in the order of declaration.
            $visibility const ALL: [$name; [$($name::$variant),+].len()] = [$($name::$variant),+];
        }
    };
}

pub(crate) use listed;
